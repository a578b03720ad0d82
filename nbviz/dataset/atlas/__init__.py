"""Atlas: a map of what a layer tells apart in a whole data set."""
