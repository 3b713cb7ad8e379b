"""Generated sets: which pairs of images are swapped, the images with their scores, files and manifest, verification."""
