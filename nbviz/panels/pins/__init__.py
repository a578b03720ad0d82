"""Stage of pins: maps side by side."""
