"""A real JupyterLab (or Voila) in a real Chromium, for what no unit test can see.

`server` starts and stops the servers, `page` drives what they show, `look` is both as a command, so that
a person can see a cell's output as a picture.
"""
