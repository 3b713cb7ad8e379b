"""Appearance: what an identity wears, and its skin. It holds for every image of the identity, whatever its structure.

Colors come from a few wardrobes of four colors that many identities share. Identities differ in where each color
sits and in which pattern, so a histogram of colors says little about who it is. As on real clothes, most patterns that
repeat are in tone: their second color lies between the garment's and another one.
"""

from dataclasses import dataclass
from typing import Literal

from dgnet.data.pedestrians.random_choices import APPEARANCE, Draws

Color = tuple[float, float, float]  # red, green, blue, 0..1, as displayed
UpperPattern = Literal[
    "plain", "hoops", "stripes", "checks", "dots", "diagonal", "block", "band", "print", "raglan", "jacket"
]
LowerPattern = Literal["plain", "side stripe", "checks", "cuffs", "two-tone", "stripes"]
Sleeves = Literal["none", "short", "long"]
Legwear = Literal["trousers", "shorts", "skirt"]


@dataclass(frozen=True)
class Upper:
    """The upper garment. `accent` is the pattern's second color (a jacket's: the shirt under it).

    `period`: length of one repeat, in body heights; `around`: repeats around the torso; `edge`: where a block ends or a
    band sits, 0 (hem) .. 1 (shoulder); `hem`: height of the hem above ground, in body heights.
    """

    color: Color
    accent: Color
    pattern: UpperPattern
    sleeves: Sleeves
    period: float
    around: int
    edge: float
    hem: float
    motif: Literal["disc", "square", "diamond", "bar"]


@dataclass(frozen=True)
class Lower:
    """The lower garment; `hem`: height above ground, in body heights (a skirt, shorts), `width`: looseness."""

    color: Color
    accent: Color
    kind: Legwear
    pattern: LowerPattern
    period: float
    hem: float
    width: float


@dataclass(frozen=True)
class Appearance:
    """All clothes of one identity, and its skin."""

    upper: Upper
    lower: Lower
    shoes: Color
    soles: Color
    socks: Color
    sock_height: float
    skin: Color

    @property
    def has_repeating_pattern(self) -> bool:
        """Whether a pattern repeats all over the upper or the lower garment: hoops, stripes, checks, dots, diagonal."""
        return self.upper.pattern in _WOVEN or self.lower.pattern in _WOVEN


COLORS: dict[str, Color] = {
    "white": (0.93, 0.92, 0.90),
    "black": (0.13, 0.13, 0.15),
    "gray": (0.55, 0.56, 0.58),
    "navy": (0.13, 0.18, 0.38),
    "blue": (0.16, 0.38, 0.74),
    "sky": (0.52, 0.74, 0.90),
    "red": (0.78, 0.14, 0.16),
    "maroon": (0.45, 0.11, 0.18),
    "orange": (0.92, 0.50, 0.14),
    "yellow": (0.94, 0.80, 0.26),
    "green": (0.15, 0.50, 0.28),
    "mint": (0.58, 0.83, 0.70),
    "olive": (0.42, 0.43, 0.23),
    "brown": (0.42, 0.27, 0.18),
    "beige": (0.82, 0.72, 0.57),
    "pink": (0.92, 0.60, 0.68),
    "purple": (0.44, 0.26, 0.58),
    "teal": (0.09, 0.49, 0.53),
}

# Four colors that many people share; each has light and dark, so that every pattern of two of them can be seen.
WARDROBES: tuple[tuple[str, str, str, str], ...] = (
    ("white", "navy", "red", "gray"),
    ("black", "white", "yellow", "blue"),
    ("beige", "green", "brown", "white"),
    ("pink", "navy", "sky", "white"),
    ("black", "red", "gray", "sky"),
    ("teal", "orange", "black", "beige"),
    ("purple", "white", "mint", "black"),
    ("olive", "yellow", "navy", "beige"),
    ("maroon", "sky", "beige", "navy"),
)

_UPPER_PATTERNS: tuple[tuple[UpperPattern, float], ...] = (
    ("plain", 5.0), ("hoops", 1.3), ("stripes", 1.1), ("checks", 1.2), ("dots", 1.1), ("diagonal", 0.9),
    ("block", 1.2), ("band", 1.1), ("print", 1.3), ("raglan", 0.9), ("jacket", 1.4),
)  # fmt: skip
_LOWER_PATTERNS: dict[Legwear, tuple[tuple[LowerPattern, float], ...]] = {
    "trousers": (("plain", 3.0), ("side stripe", 1.0), ("checks", 0.8), ("cuffs", 1.0), ("two-tone", 1.0)),
    "shorts": (("plain", 2.5), ("side stripe", 1.0), ("checks", 1.0), ("cuffs", 1.0)),
    "skirt": (("plain", 2.0), ("checks", 1.0), ("cuffs", 1.2), ("two-tone", 1.0), ("stripes", 1.0)),
}


# Patterns that repeat all over a garment.
_WOVEN = ("hoops", "stripes", "checks", "dots", "diagonal")


def _distance(first: Color, second: Color) -> float:
    return sum(abs(one - other) for one, other in zip(first, second, strict=True))


def _dyed(draws: Draws, name: str) -> Color:
    """A palette color with a little of its own shade: one garment is never dyed quite like the next."""
    shade = draws.uniform(0.95, 1.05)
    red, green, blue = (min(0.96, channel * shade + draws.uniform(-0.015, 0.015)) for channel in COLORS[name])
    return max(0.05, red), max(0.05, green), max(0.05, blue)


def _in_tone(draws: Draws, pattern: str, color: Color, accent: Color) -> Color:
    """The accent as a pattern shows it: nearer to the garment's color where the pattern repeats."""
    if pattern not in _WOVEN:
        return accent
    part = draws.uniform(0.30, 0.55)
    red, green, blue = (one + part * (other - one) for one, other in zip(color, accent, strict=True))
    return red, green, blue


def skin_tone(depth: float) -> Color:
    """Skin on one scale from light (0) to dark (1); luminance falls along it."""
    return on_scale(((0.0, (0.93, 0.76, 0.66)), (0.5, (0.72, 0.51, 0.39)), (1.0, (0.34, 0.22, 0.16))), depth)


def on_scale(stops: tuple[tuple[float, Color], ...], depth: float) -> Color:
    """The color at `depth` (0..1) between those at the stops."""
    low, high, part = stops[0][1], stops[0][1], 0.0
    for (start, light), (end, dark) in zip(stops, stops[1:], strict=False):
        if start <= depth:
            low, high, part = light, dark, (depth - start) / (end - start)
    red, green, blue = (one + part * (other - one) for one, other in zip(low, high, strict=True))
    return red, green, blue


def appearance_of(seed: int, identity: int) -> Appearance:
    """The clothes of `identity` (a whole number >= 0): a pure function of both arguments."""
    draws = Draws(seed, APPEARANCE, identity)
    first, second, third, fourth = (_dyed(draws, name) for name in draws.shuffled(draws.one_of(WARDROBES)))
    if _distance(first, second) < 0.6:  # a pattern of two like colors would be no pattern
        second, third = third, second
    if _distance(first, third) < 0.35:  # shirt and trousers of one color read as an overall
        third, fourth = fourth, third
    pattern = draws.weighted(_UPPER_PATTERNS)
    sleeves_of: tuple[tuple[Sleeves, float], ...] = (("long", 6.0), ("short", 3.5), ("none", 0.5))
    sleeves: Sleeves = "long" if pattern in ("raglan", "jacket") else draws.weighted(sleeves_of)
    upper = Upper(
        color=first,
        accent=_in_tone(draws, pattern, first, second),
        pattern=pattern,
        sleeves=sleeves,
        period=draws.uniform(0.075, 0.115),
        around=draws.one_of((6, 8, 10)),
        edge=draws.uniform(0.30, 0.70),
        hem=draws.weighted(((0.500, 3.0), (0.475, 3.0), (0.395, 1.2))),
        motif=draws.one_of(("disc", "square", "diamond", "bar")),
    )
    kind: Legwear = draws.weighted((("trousers", 6.6), ("shorts", 1.7), ("skirt", 1.7)))
    lower_pattern = draws.weighted(_LOWER_PATTERNS[kind])
    lower = Lower(
        color=third,
        accent=_in_tone(draws, lower_pattern, third, fourth if _distance(third, fourth) > 0.5 else first),
        kind=kind,
        pattern=lower_pattern,
        period=draws.uniform(0.075, 0.105),
        hem={"trousers": 0.05, "shorts": draws.uniform(0.28, 0.34), "skirt": draws.uniform(0.24, 0.36)}[kind],
        width=draws.uniform(0.9, 1.2),
    )
    shoes = draws.weighted(((COLORS["black"], 3.0), (COLORS["white"], 3.0), (second, 2.0), (COLORS["brown"], 1.0)))
    return Appearance(
        upper=upper,
        lower=lower,
        shoes=shoes,
        soles=COLORS["white"] if draws.chance(0.6) else COLORS["black"],
        socks=draws.weighted(((COLORS["white"], 2.0), (COLORS["black"], 1.0), (first, 1.0))),
        sock_height=draws.weighted(((0.07, 2.0), (0.12, 1.0), (0.21, 1.0))),
        skin=skin_tone(draws.unit()),
    )
