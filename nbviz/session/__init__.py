"""Session behind the panels: selection, requests, scheduler, cache. Traitlets and threads, no widgets."""
