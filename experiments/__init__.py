"""Whole experiments, which use every package below: the A/B of generated images, the demo.

They are started by `tools/ab.py` and `tools/demo.py`.
"""
