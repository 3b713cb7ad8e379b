"""Patterns of cloth: how much of the accent color each point of a garment has, 0..1, with soft edges one pixel wide.

A point is given by `turn` (around the body or limb, in turns, 0 in front) and `height`. Patterns wrap and look alike
from every side, so that an appearance can be recognized from every viewpoint.
"""

import numpy as np

from dgnet.data.pedestrians.appearance import Lower, Upper
from dgnet.data.pedestrians.canvas import Plane

TORSO_GIRTH = 0.66  # body heights
ARM_GIRTH = 0.20
LEG_GIRTH = 0.30
SKIRT_GIRTH = 0.80


def wave(position: Plane, width: float, soft: Plane | float) -> Plane:
    """Stripes of period 1, each centered on a whole number plus a half and `width` wide, edges `soft` periods wide."""
    offset = np.abs(position - np.floor(position) - 0.5)
    return np.clip((0.5 * width - offset) / soft + 0.5, 0.0, 1.0)


def edge(distance: Plane, pixel: float) -> Plane:
    """1 where the distance is positive, 0 where negative."""
    return np.clip(distance * (1 / pixel) + 0.5, 0.0, 1.0)


def _soft(pixel: float, facing: Plane, girth: float, around: int) -> Plane:
    """One pixel in repeats around the body: near the outline, where the surface turns away, it spans more of it."""
    return (pixel * around / girth) / np.maximum(facing, 0.2)


def _woven(
    pattern: str, turn: Plane, height: Plane, facing: Plane, period: float, around: int, girth: float, pixel: float
) -> Plane | None:
    """The patterns that repeat all over a garment; None for any other."""
    up, round_about = height * (1 / period), turn * float(around)
    soft_up, soft_round = pixel / period, _soft(pixel, facing, girth, around)
    if pattern == "hoops":
        return wave(up, 0.45, soft_up)
    if pattern == "stripes":
        return wave(round_about, 0.42, soft_round)
    if pattern == "checks":
        return 0.5 * (wave(up, 0.45, soft_up) + wave(round_about, 0.45, soft_round))
    if pattern == "diagonal":
        return wave(round_about * 0.5 + 0.6 * up, 0.45, 0.5 * soft_round + 0.6 * soft_up)
    if pattern == "dots":
        row = np.floor(up)
        shifted = round_about + 0.5 * (row - 2.0 * np.floor(row * 0.5))
        across = (shifted - np.floor(shifted) - 0.5) * (girth / around)
        down = (up - row - 0.5) * period
        return edge(0.34 * min(period, 1.2 * girth / around) - np.sqrt(across * across + down * down), pixel)
    return None


def _print(upper: Upper, turn: Plane, height: Plane, pixel: float) -> Plane:
    """One big print in front, behind and on either side."""
    quarter = turn * 4.0 + 0.5
    across = np.abs(quarter - np.floor(quarter) - 0.5) * (TORSO_GIRTH / 4)
    down = np.abs(height - 0.675)
    if upper.motif == "disc":
        return edge(0.056 - np.sqrt(across * across + down * down), pixel)
    if upper.motif == "square":
        return edge(0.048 - np.maximum(across, down), pixel)
    if upper.motif == "diamond":
        return edge((0.074 - across - down) * 0.7071, pixel)
    return edge(np.minimum(0.028 - across, 0.092 - down), pixel)


def on_torso(upper: Upper, turn: Plane, height: Plane, facing: Plane, pixel: float) -> Plane | float:
    """How much of the accent shows on the torso."""
    woven = _woven(upper.pattern, turn, height, facing, upper.period, upper.around, TORSO_GIRTH, pixel)
    if woven is not None:
        return woven
    line = upper.hem + upper.edge * (0.82 - upper.hem)
    if upper.pattern == "block":
        return edge(line - height, pixel)
    if upper.pattern == "band":
        return edge(0.042 - np.abs(height - max(line, 0.60)), pixel)
    if upper.pattern == "print":
        return _print(upper, turn, height, pixel)
    if upper.pattern == "jacket":  # open in front, the shirt shows between and under it
        whole = turn - np.floor(turn + 0.5)
        gap = 0.045 + 0.25 * np.maximum(height - 0.74, 0.0) - np.abs(whole)
        front = np.clip(gap / _soft(pixel, facing, TORSO_GIRTH, 1) + 0.5, 0.0, 1.0)
        return np.maximum(front, edge(upper.hem + 0.035 - height, pixel))
    if upper.pattern == "raglan":
        return edge(height - 0.815, pixel)
    return 0.0


def on_sleeve(upper: Upper, turn: Plane, along: Plane, facing: Plane, pixel: float) -> Plane | float:
    """How much of the accent shows on a sleeve, `along` from the shoulder."""
    height = 0.80 - along
    repeats = {6: 2, 8: 3, 10: 3}[upper.around]
    woven = _woven(upper.pattern, turn, height, facing, upper.period, repeats, ARM_GIRTH, pixel)
    if woven is not None:
        return woven
    if upper.pattern == "block":
        return edge(along - (1.0 - upper.edge) * 0.30, pixel)
    if upper.pattern == "raglan":
        return 1.0
    if upper.pattern == "band":
        return edge(0.03 - np.abs(along - 0.06), pixel)
    return 0.0


def on_leg(lower: Lower, turn: Plane, along: Plane, hem: float, facing: Plane, pixel: float) -> Plane | float:
    """How much of the accent shows on a trouser leg that ends at `hem`, both lengths along the leg."""
    if lower.pattern == "side stripe":
        return wave(turn * 2.0, 0.24, _soft(pixel, facing, LEG_GIRTH, 2))
    if lower.pattern == "cuffs":
        return edge(along - hem + 0.055, pixel)
    if lower.pattern == "two-tone":
        return edge(along - 0.60 * hem, pixel)
    woven = _woven(lower.pattern, turn, along, facing, lower.period, 4, LEG_GIRTH, pixel)
    return 0.0 if woven is None else woven


def on_hips(lower: Lower, turn: Plane, height: Plane, facing: Plane, pixel: float) -> Plane | float:
    """How much of the accent shows on the upper part of trousers and shorts."""
    if lower.pattern == "side stripe":
        return wave(turn * 2.0, 0.10, _soft(pixel, facing, TORSO_GIRTH, 2))
    woven = _woven(lower.pattern, turn, 0.5 - height, facing, lower.period, 8, TORSO_GIRTH, pixel)
    return 0.0 if woven is None else woven


def on_skirt(lower: Lower, turn: Plane, height: Plane, facing: Plane, pixel: float) -> Plane | float:
    """How much of the accent shows on a skirt."""
    if lower.pattern == "cuffs":
        return edge(lower.hem + 0.05 - height, pixel)
    if lower.pattern == "two-tone":
        return edge(0.5 * (lower.hem + 0.5) - height, pixel)
    woven = _woven(lower.pattern, turn, height, facing, lower.period, 8, SKIRT_GIRTH, pixel)
    return 0.0 if woven is None else woven
