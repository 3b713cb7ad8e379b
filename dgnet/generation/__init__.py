"""Sets of generated images: which pairs, their scores, their files with a manifest, and the making of it all."""
