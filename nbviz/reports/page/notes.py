"""Notes on how to read the tables of a page."""

from __future__ import annotations

NOTES = {
    "slices": (
        "Accuracy with its 95 % interval, beside that of all other pictures. Corrected: p that it is no less, for "
        "having looked at all slices (Fisher, Holm)."
    ),
    "calibration": (
        "Of the answers that name a class: mean probability said, and share right with its 95 % interval. "
        "Corrected: p of their difference, for all classes. Error: of the class's probability over all pictures, "
        "beside the most that chance shows."
    ),
    "cues": (
        "Repeated: share of the class's pictures with the same pixels in the window. Transplanted: share of other "
        "classes' pictures that become this class with them put in. Control: the same with the best other window. "
        "Removed: share of the class's pictures lost with the window blurred. Windows that move no picture are "
        "not shown."
    ),
    "shift": (
        "The same pictures throughout. Same: share of answers as before. Error: of calibration. Corrected: p of "
        "the accuracy lost, for all rows. Alike: rank correlation of maps with those before, where the answer "
        "held, beside that of two pictures."
    ),
    "filters": (
        "Dead: always 0. Uniform: always the same. Saturated: at the activation's limit. Duplicate: correlated "
        "above .9995 with another channel. Noise-like: neighbouring places have nothing in common. Collapsed: all "
        "weights of the filter equal."
    ),
    "evidence": (
        "Share of the maps' evidence with its 95 % interval, beside the share of the picture's area, which chance "
        "would give. Border and corners are a tenth of each side."
    ),
}
"""Section → how to read its table."""
