"""Reviews of segmentation networks: pixels of each class, right and wrong, counted picture by picture."""
