"""Pictures and data sets as people bring them, and the preprocessing that turns one into a network's tensor."""
