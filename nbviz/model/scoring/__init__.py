"""What a network puts out: where its class scores are, what they mean, and what it says of a picture."""
