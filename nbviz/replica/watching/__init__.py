"""The watch over what changes in a network: structure, weights, training steps, and what is the same network."""
