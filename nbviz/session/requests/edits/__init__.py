"""Requests of an edited network and picture: painted, attacked, transformed; of what channels do to a score."""
