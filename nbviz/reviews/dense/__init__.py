"""Reviews of networks that answer place by place or box by box: their pass, truths, and a bootstrap over pictures."""
