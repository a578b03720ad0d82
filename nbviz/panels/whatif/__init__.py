"""Edits of the person at the screen: the strip *What if*, and the desks on which edits are made."""
