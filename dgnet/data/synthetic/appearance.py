"""Appearance: what an identity wears. It holds for every image of the identity, whatever its structure.

Colours come from a few wardrobes of four colours that many identities share. Identities differ in where each colour
sits and in which pattern, so a histogram of colours says little about who it is.
"""

from dataclasses import dataclass
from typing import Literal

from dgnet.data.synthetic.draws import APPEARANCE, Draws

Colour = tuple[float, float, float]  # red, green, blue, 0..1, as displayed
UpperPattern = Literal[
    "plain", "hoops", "stripes", "checks", "dots", "diagonal", "block", "band", "print", "raglan", "jacket"
]
LowerPattern = Literal["plain", "side stripe", "checks", "cuffs", "two-tone", "stripes"]
Sleeves = Literal["none", "short", "long"]
Legwear = Literal["trousers", "shorts", "skirt"]


@dataclass(frozen=True)
class Upper:
    """The upper garment. `accent` is the pattern's second colour (a jacket's: the shirt under it).

    `period`: length of one repeat, in body heights; `around`: repeats around the torso; `edge`: where a block ends or a
    band sits, 0 (hem) .. 1 (shoulder); `hem`: height of the hem above ground, in body heights.
    """

    colour: Colour
    accent: Colour
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

    colour: Colour
    accent: Colour
    kind: Legwear
    pattern: LowerPattern
    period: float
    hem: float
    width: float


@dataclass(frozen=True)
class Appearance:
    """All clothes of one identity."""

    upper: Upper
    lower: Lower
    shoes: Colour
    soles: Colour
    socks: Colour
    sock_height: float


COLOURS: dict[str, Colour] = {
    "white": (0.93, 0.92, 0.90),
    "black": (0.13, 0.13, 0.15),
    "grey": (0.55, 0.56, 0.58),
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

# Four colours that many people share; each has light and dark, so that every pattern of two of them can be seen.
WARDROBES: tuple[tuple[str, str, str, str], ...] = (
    ("white", "navy", "red", "grey"),
    ("black", "white", "yellow", "blue"),
    ("beige", "green", "brown", "white"),
    ("pink", "navy", "sky", "white"),
    ("black", "red", "grey", "sky"),
    ("teal", "orange", "black", "beige"),
    ("purple", "white", "mint", "black"),
    ("olive", "yellow", "navy", "beige"),
    ("maroon", "sky", "beige", "navy"),
)

_UPPER_PATTERNS: tuple[tuple[UpperPattern, float], ...] = (
    ("plain", 2.0), ("hoops", 1.5), ("stripes", 1.2), ("checks", 1.2), ("dots", 1.2), ("diagonal", 1.0),
    ("block", 1.4), ("band", 1.1), ("print", 1.3), ("raglan", 1.2), ("jacket", 1.4),
)  # fmt: skip
_LOWER_PATTERNS: dict[Legwear, tuple[tuple[LowerPattern, float], ...]] = {
    "trousers": (("plain", 3.0), ("side stripe", 1.0), ("checks", 0.8), ("cuffs", 1.0), ("two-tone", 1.0)),
    "shorts": (("plain", 2.5), ("side stripe", 1.0), ("checks", 1.0), ("cuffs", 1.0)),
    "skirt": (("plain", 2.0), ("checks", 1.0), ("cuffs", 1.2), ("two-tone", 1.0), ("stripes", 1.0)),
}


def _distance(first: Colour, second: Colour) -> float:
    return sum(abs(one - other) for one, other in zip(first, second, strict=True))


def _dyed(draws: Draws, name: str) -> Colour:
    """A palette colour with a little of its own shade: one garment is never dyed quite like the next."""
    shade = draws.uniform(0.95, 1.05)
    red, green, blue = (min(0.96, channel * shade + draws.uniform(-0.015, 0.015)) for channel in COLOURS[name])
    return max(0.05, red), max(0.05, green), max(0.05, blue)


def appearance_of(seed: int, identity: int) -> Appearance:
    """The clothes of `identity` (a whole number >= 0): a pure function of both arguments."""
    draws = Draws(seed, APPEARANCE, identity)
    first, second, third, fourth = (_dyed(draws, name) for name in draws.shuffled(draws.one_of(WARDROBES)))
    if _distance(first, second) < 0.6:  # a pattern of two like colours would be no pattern
        second, third = third, second
    if _distance(first, third) < 0.35:  # shirt and trousers of one colour read as an overall
        third, fourth = fourth, third
    pattern = draws.weighted(_UPPER_PATTERNS)
    sleeves_of: tuple[tuple[Sleeves, float], ...] = (("long", 5.0), ("short", 4.0), ("none", 1.0))
    sleeves: Sleeves = "long" if pattern in ("raglan", "jacket") else draws.weighted(sleeves_of)
    upper = Upper(
        colour=first,
        accent=second,
        pattern=pattern,
        sleeves=sleeves,
        period=draws.uniform(0.075, 0.115),
        around=draws.one_of((6, 8, 10)),
        edge=draws.uniform(0.30, 0.70),
        hem=draws.weighted(((0.500, 3.0), (0.475, 3.0), (0.395, 1.2))),
        motif=draws.one_of(("disc", "square", "diamond", "bar")),
    )
    kind: Legwear = draws.weighted((("trousers", 5.0), ("shorts", 2.5), ("skirt", 2.5)))
    lower = Lower(
        colour=third,
        accent=fourth if _distance(third, fourth) > 0.5 else first,
        kind=kind,
        pattern=draws.weighted(_LOWER_PATTERNS[kind]),
        period=draws.uniform(0.075, 0.105),
        hem={"trousers": 0.05, "shorts": draws.uniform(0.28, 0.34), "skirt": draws.uniform(0.24, 0.36)}[kind],
        width=draws.uniform(0.9, 1.2),
    )
    shoes = draws.weighted(((COLOURS["black"], 3.0), (COLOURS["white"], 3.0), (second, 2.0), (COLOURS["brown"], 1.0)))
    return Appearance(
        upper=upper,
        lower=lower,
        shoes=shoes,
        soles=COLOURS["white"] if draws.chance(0.6) else COLOURS["black"],
        socks=draws.weighted(((COLOURS["white"], 2.0), (COLOURS["black"], 1.0), (first, 1.0))),
        sock_height=draws.weighted(((0.07, 2.0), (0.12, 1.0), (0.21, 1.0))),
    )
