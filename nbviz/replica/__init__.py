"""Replicas: structural copies of the user's network that share its weights, and the watch over its changes."""
