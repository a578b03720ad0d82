"""What would change its mind: the strip of edits, and the desks on which they are made."""
