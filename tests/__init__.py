"""The tests mirror the floors of the package; `tests/browser/` drives a real JupyterLab."""
