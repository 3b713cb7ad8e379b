"""What a benchmark's whole-number options may be."""

import argparse

from dgnet.core.errors import UserError


def require_at_least(args: argparse.Namespace, **least: int) -> None:
    """`UserError` with the option's name if one of them is smaller."""
    for name, smallest in least.items():
        if (given := getattr(args, name)) < smallest:
            raise UserError(f"--{name.replace('_', '-')} must be at least {smallest}, got {given}")
