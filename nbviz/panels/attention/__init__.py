"""The stage of a transformer's heads."""
