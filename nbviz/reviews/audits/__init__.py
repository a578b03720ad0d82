"""Audits: a sample of explained pictures that a person, or masks of the objects, judge."""
