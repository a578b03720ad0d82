"""Forwards and backwards over a replica: activations, gradients, evidence, receptive fields."""
