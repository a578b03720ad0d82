"""Reports of networks that answer place by place or box by box."""
