"""Commands. Each runs from a clone, `python tools/NAME.py --help`; this file lets the import contracts see them."""
