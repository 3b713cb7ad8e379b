"""Metrics on arrays, callables and folders; usable without the rest of the toolkit.

Rankings: ranking (mAP, CMC, mINP), rerank, single_shot, multi_query, expansion, feature_file, histogram (the baseline).
Who is it: identification, consistency. Sets of images: image_sets (extractor or inception -> frechet, kid,
precision_recall). Pairs: ssim, psnr, perceptual, diversity, swap_fidelity. And report.
"""
