"""Layouts: which axes of a layer's output are channels and places, found by one probing batch."""
