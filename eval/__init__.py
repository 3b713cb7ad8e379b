"""Metrics on arrays, callables and folders; usable without the rest of the toolkit.

ranking (mAP, CMC, mINP), rerank, histogram (the baseline), ssim, swap_fidelity, identification ("who is it?"), report.
"""
