"""The stage that takes a layer apart into a few factors."""
