"""Requests of a review's probes: maps of a confused pair, and the training pictures behind an answer."""
