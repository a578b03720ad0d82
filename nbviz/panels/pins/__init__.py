"""The stage of maps side by side."""
