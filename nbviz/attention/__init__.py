"""Attention of a network: its blocks, where their tokens lie, and what every head attends to."""
