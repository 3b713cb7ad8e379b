"""What `tools/bench.py` measures: a module for each kind, with `add_parser(kinds)` and `run(args)`."""
