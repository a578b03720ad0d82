"""Texts, tables and curves that the stage Review shows, as plain data."""
