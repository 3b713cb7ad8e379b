"""What the evaluating tools share: networks of ours as extractors, options."""
