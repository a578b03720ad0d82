"""Shift: the same network on corrupted pictures, or on another data set."""
