"""The questions of the course, one file per lesson."""
