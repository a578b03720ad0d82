"""Switch below the channel's card: channels off, at a mean, scaled, clamped, and what each was measured to do."""
