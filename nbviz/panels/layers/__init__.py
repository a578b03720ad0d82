"""Layer tree."""
