"""Base of every panel: its class, its widget with script and style, the frame, the stages."""
