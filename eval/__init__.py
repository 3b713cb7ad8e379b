"""Metrics on arrays, callables and folders; usable without the rest of the toolkit.

Of features: ranking (mAP, CMC, mINP), rerank, consistency, identification ("who is it?"), histogram (the baseline).
Of sets of images: image_sets (inception or another extractor, then frechet, kid, precision_recall). Of pairs: ssim,
psnr, perceptual, diversity, swap_fidelity. And report.
"""
