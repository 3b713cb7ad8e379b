"""What the commands that search galleries of people share: `tools/search.py` and `tools/explore.py`."""
