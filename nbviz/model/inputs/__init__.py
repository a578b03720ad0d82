"""What a network takes: its channels and size, and what to say where a forward raises."""
