"""Index: for every channel the strongest pictures of a data set, from one pass over it."""
