"""How a network does over many pictures: right and wrong, how sure, where it fails, what it leans on."""
