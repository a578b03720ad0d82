"""A network seen from outside: its layers and their layouts, its scores, classes and what a target asks of them."""
