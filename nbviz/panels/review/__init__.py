"""Stage of the review: how the network does over many pictures, each a click away."""
