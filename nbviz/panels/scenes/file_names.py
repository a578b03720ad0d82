"""Names of files that the browser saves."""

from __future__ import annotations


def file_words(name: str) -> str:
    """Return a name that every file system takes."""
    kept = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)
    return kept.strip("-.")[:120]
