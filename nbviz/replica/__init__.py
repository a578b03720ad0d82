"""The user's network as a guest: structural copies that share its weights, and the watch over what changes."""
