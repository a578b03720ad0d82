"""Requests that panels make of the model, one kind a file: frozen, hashable, callable."""
