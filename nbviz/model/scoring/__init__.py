"""Outputs of a network: where its class scores are, what they mean, and the prediction for a picture."""
