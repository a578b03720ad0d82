"""User's own code as it runs inside ours: hooks, prints, writes and random draws."""
