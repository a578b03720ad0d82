"""Graph of autograd, read after an ordinary forward: attention, and calls of ReLUs."""
