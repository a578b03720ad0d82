"""Channel grid, card of the chosen channel, and the pictures made and found for channels."""
