"""A network's attention: its blocks, where their tokens lie, and what every head looks at."""
