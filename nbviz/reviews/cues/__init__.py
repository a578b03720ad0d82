"""Cues: places that a network leans on and should not."""
