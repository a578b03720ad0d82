"""How a layer's output is read as channels and places, found by one probing batch."""
