"""The row of questions: title bar, pictures, class search, and what the network says."""
