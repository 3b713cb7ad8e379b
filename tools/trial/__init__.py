"""Did generated images help? What tools/ab.py is made of: its settings, data, runs, and outcome."""
