"""The panels a person sees, one per file. The only floor that knows ipywidgets, anywidget, bqplot and ipycanvas."""
