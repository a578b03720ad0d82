"""What panels can ask of the model, one kind of question a file: frozen, hashable, callable."""
