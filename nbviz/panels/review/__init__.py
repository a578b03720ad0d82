"""The stage Review: how the network does over many pictures, each a click away."""
