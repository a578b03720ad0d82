"""Inputs of a network: its channels and size, and sentences for a forward that raises."""
