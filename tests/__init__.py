"""Tests; a package so that `tests.oracles` is this one, whatever else is installed."""
