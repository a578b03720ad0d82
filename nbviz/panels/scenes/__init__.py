"""Scenes: answers as plain data to draw, shared by the panels: pixels, limits, texts. No widget."""
