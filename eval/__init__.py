"""Metrics on arrays, callables and folders; usable without the rest of the toolkit.

ranking (mAP, CMC, mINP), rerank, histogram (the baseline), identification ("who is it?"), consistency; of sets of images
image_sets (extractor or inception -> frechet, kid, precision_recall), of pairs ssim, psnr, perceptual, diversity,
swap_fidelity; report.
"""
