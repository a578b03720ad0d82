"""Answers as plain data to draw, shared by the panels: pixels, limits, words. No widget."""
