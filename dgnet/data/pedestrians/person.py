"""A dressed person on a canvas: all parts, from the farthest to the nearest."""

from collections.abc import Callable
from functools import partial

from dgnet.data.pedestrians.appearance import Appearance
from dgnet.data.pedestrians.bag import BagPainter
from dgnet.data.pedestrians.clothes import Dresser
from dgnet.data.pedestrians.head import HeadPainter
from dgnet.data.pedestrians.shading import Shader
from dgnet.data.pedestrians.skeleton import Skeleton, View
from dgnet.data.pedestrians.structure import Structure


def draw_person(shader: Shader, appearance: Appearance, structure: Structure, skeleton: Skeleton, view: View) -> None:
    """Paint the person; the canvas' outline receives everything painted.

    The trunk has a fixed order (legs, hips, neck, torso, head: each garment lies over the one before); arms, bag and
    hanging hair go behind or before it by their depth.
    """
    dresser = Dresser(shader, appearance, structure, skeleton, view)
    head = HeadPainter(shader, appearance.skin, structure, skeleton, view)
    bag = BagPainter(shader, structure, skeleton, view)
    trunk: list[Callable[[], None]] = [dresser.hips, head.neck, dresser.torso]
    hair_near = head.back_is_near
    trunk += [head.head, head.hair_behind] if hair_near else [head.head]
    legs = sorted((0, 1), key=lambda side: sum(view.depth(point) for point in skeleton.legs[side][:3]))

    def arm_depth(side: int) -> float:
        shoulder, elbow, wrist = (view.depth(point) for point in skeleton.arms[side])
        return shoulder + 0.7 * elbow + 0.5 * wrist

    # A skirt hangs over both legs; trouser legs reach up under the shirt's hem: legs always come before the trunk.
    parts: list[tuple[float, Callable[[], None]]] = [
        (-0.02 + 0.001 * order, partial(dresser.leg, side)) for order, side in enumerate(legs)
    ]
    parts += [(0.0, part) for part in trunk]
    parts += [(arm_depth(side), partial(dresser.arm, side)) for side in (0, 1)]
    parts.append((bag.depth * 2, bag.paint))
    if not hair_near:
        parts.append((-0.01, head.hair_behind))
    for _, paint in sorted(parts, key=lambda part: part[0]):
        paint()
