"""Changes from one report to another: shares of right answers, cues, maps."""
