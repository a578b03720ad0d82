"""Scoring: where a network's class scores are, what they mean, and the prediction for a picture."""
