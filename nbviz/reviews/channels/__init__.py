"""Channels of a layer over a data set: classes that they matter for, and how alike the pictures are that drive them."""
