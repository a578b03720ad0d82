"""Statistics over records: classes, calibration, slices, suspect labels."""
