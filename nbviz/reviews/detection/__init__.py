"""Reviews of detectors: boxes that are found, missed and made up, and average precision per class."""
