"""The panels a person sees, one a file. The only floor that knows ipywidgets, anywidget, bqplot and ipycanvas."""
