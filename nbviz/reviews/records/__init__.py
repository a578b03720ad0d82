"""Records of single pictures: the pass that makes them, and their file."""
