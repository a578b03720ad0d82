"""The questions of the course, one file a lesson."""
