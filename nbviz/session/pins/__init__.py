"""Maps kept to look at others beside them."""
