"""The channel grid, the card of the chosen channel, and what is made and found for channels."""
