"""Networks and pictures as plain tensors: replica, capture, targets, preprocessing, drawing. No widgets, no threads."""
