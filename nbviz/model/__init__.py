"""Model of a network from outside: its layers and their layouts, its scores, classes and targets."""
