"""Stage of a transformer's attention heads."""
