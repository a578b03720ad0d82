"""Stage of parts: a layer factorised into a few."""
