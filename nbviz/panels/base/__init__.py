"""What every panel is made of: the base class, its widget with script and style, the frame, the stages."""
