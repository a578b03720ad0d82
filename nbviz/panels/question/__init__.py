"""Question row: title bar, pictures, class search, and the network's scores."""
