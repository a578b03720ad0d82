"""The site: lessons with the stills of a real run, reference pages, and the API from its docstrings.

Built by ``python -m sphinx -W -c notebooks/site notebooks build/site``; ``SITE_RUN=off`` leaves the notebooks unrun.
"""

import os

import nbviz

project = "nbviz"
author = "the nbviz developers"
copyright = author
version = release = nbviz.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.viewcode"]
root_doc = "site/index"
exclude_patterns = ["**/.ipynb_checkpoints", "**/jupyter_execute", "app.ipynb"]

# Guesses are let through and widgets are stills: a page has no kernel.
os.environ.setdefault("NBVIZ_LESSONS_DEMO", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
nb_execution_mode = "off" if os.environ.get("SITE_RUN") == "off" else "cache"
nb_execution_timeout = 600
nb_execution_in_temp = True  # lesson 10 writes a report
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # stills need none; the default loads two scripts from elsewhere
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3

autosummary_generate = True
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
default_role = "code"

html_theme = "pydata_sphinx_theme"
html_context = {"default_mode": "auto"}
html_title = "nbviz"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_theme_options = {
    "navbar_start": ["navbar-logo"],
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": True,
    "footer_start": [],
    "footer_end": [],
}
html_show_sourcelink = False
