"""Slow, obvious versions of the arithmetic, written apart from the package that they are compared with."""
