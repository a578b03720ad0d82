"""Stage of the atlas: a map of what a layer tells apart."""
