"""Requests that panels make of the model, one kind per file: frozen, hashable, callable."""
