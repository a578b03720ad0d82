"""What a map is judged by, one measure a file."""
