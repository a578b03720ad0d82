"""Reading autograd's nodes after an ordinary forward: attention, and calls of ReLUs."""
