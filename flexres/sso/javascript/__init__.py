"""Reads what a configuration script leaves in a variable, without running it."""
