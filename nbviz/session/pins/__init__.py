"""Pins: maps kept to compare others with them."""
