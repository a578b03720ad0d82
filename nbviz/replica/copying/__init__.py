"""Structural copies: what is copied, what is shared, and what no copy can be made of."""
