"""Audit desk: asks a person, picture by picture, whether the network looks at the right thing."""
