"""Watching a network for changes of structure, weights and training steps, and the digest of the same network."""
