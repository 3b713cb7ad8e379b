"""The built-in pedestrians one by one: the same everywhere, clothes and structure apart, outlines that fit."""

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from scipy.ndimage import label

from dgnet.core.errors import UserError
from dgnet.data.pedestrians import Appearance, Structure, appearance_of, render, structure_of
from dgnet.data.pedestrians.appearance import Color, skin_tone
from dgnet.data.pedestrians.random_choices import STRUCTURE, Draws
from dgnet.data.pedestrians.structure import badly_cropped, bag_tone, hair_tone
from tests.messages import mentions

UNITS = [0.556168617, 0.250903752, 0.050360324]
BLUE, RED = (0.1, 0.2, 0.9), (0.9, 0.1, 0.1)


def _people(count: int) -> list[tuple[Appearance, Structure]]:
    return [(appearance_of(0, 1 + n), structure_of(0, 1 + n, n % 6 + 1, 0)) for n in range(count)]


def _plain(appearance: Appearance, color: tuple[float, float, float]) -> Appearance:
    """The same cut in one color all over."""
    upper = dataclasses.replace(appearance.upper, color=color, accent=color)
    lower = dataclasses.replace(appearance.lower, color=color, accent=color)
    return dataclasses.replace(appearance, upper=upper, lower=lower)


def test_the_first_bits_of_a_stream_never_change() -> None:
    draws = Draws(0, STRUCTURE, 1, 2, 3)
    assert [round(draws.unit(), 9) for _ in range(3)] == UNITS
    assert Draws(0, STRUCTURE, 1, 2, 3).field(1, 2).ravel().tolist() == pytest.approx(UNITS[:2], abs=1e-6)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, (89.435, 98.591, 73.76, 78.6, 24.424)),
        (1, (113.42, 109.682, 52.031, 48.965, 28.335)),
        (2, (108.495, 103.941, 112.135, 109.86, 41.803)),
    ],
)
def test_pictures_never_change_without_notice(number: int, expected: tuple[float, ...]) -> None:
    """Means of the four quarters and of the outline. Whoever changes them on purpose raises FORMAT in spec.py."""
    rendered = render(*_people(3)[number])
    quarters = rendered.image.reshape(2, 64, 2, 32, 3).mean(axis=(1, 3, 4)).ravel()
    assert [*quarters, 100 * rendered.person.mean()] == pytest.approx(expected, abs=0.02)


def test_the_same_arguments_give_the_same_picture() -> None:
    first, second = (render(appearance_of(3, 7), structure_of(3, 7, 2, 1)) for _ in range(2))
    assert np.array_equal(first.image, second.image) and np.array_equal(first.person, second.person)


def test_every_argument_of_a_structure_counts() -> None:
    structures = [
        structure_of(0, 1, 1, 0),
        structure_of(1, 1, 1, 0),
        structure_of(0, 2, 1, 0),
        structure_of(0, 1, 2, 0),
        structure_of(0, 1, 1, 1),
        structure_of(0, 1, 1, 0, camera_seed=1),
    ]
    images = [render(appearance_of(0, 1), structure).image.astype(int) for structure in structures]
    for one in range(len(images)):
        for two in range(one):
            assert np.abs(images[one] - images[two]).mean() > 4


def test_identities_wear_different_clothes() -> None:
    assert len({appearance_of(0, identity) for identity in range(1, 300)}) == 299
    assert appearance_of(0, 5) != appearance_of(1, 5)


def test_a_camera_outside_the_set_is_refused() -> None:
    with pytest.raises(UserError, match=mentions("camera", 1, 6, 7)):
        structure_of(0, 1, 7, 0)


@pytest.mark.parametrize(("height", "width"), [(128, 64), (64, 32), (256, 128), (96, 50)])
def test_sizes_and_ranges(height: int, width: int) -> None:
    rendered = render(*_people(1)[0], height, width)
    assert rendered.image.shape == (height, width, 3) and rendered.image.dtype == np.uint8
    assert rendered.person.shape == (height, width) and rendered.person.dtype == np.float32
    assert rendered.person.min() == 0 and 0.999 < rendered.person.max() <= 1


@pytest.mark.slow
def test_people_fill_most_of_the_frame_and_stand_about_its_middle() -> None:
    persons = np.stack([render(*factors).person for factors in _people(24)])
    shares = persons.mean(axis=(1, 2))
    assert 0.3 < shares.mean() < 0.45 and shares.min() > 0.15 and shares.max() < 0.65
    assert (persons.max(axis=2)[:, 24:106] > 0.9).all(), "a row through the person without person: a limb is broken"
    middle = (persons * np.arange(64)).sum(axis=(1, 2)) / persons.sum(axis=(1, 2))
    assert (np.abs(middle - 31.5) < 12).all() and np.ptp(middle) > 8


@pytest.mark.slow
def test_the_outline_is_one_piece() -> None:
    for factors in _people(24):
        assert label(render(*factors).person > 0.5, np.ones((3, 3)))[1] == 1


def test_nothing_outside_the_outline_depends_on_colors() -> None:
    for appearance, structure in _people(6):
        blue, red = render(_plain(appearance, BLUE), structure), render(_plain(appearance, RED), structure)
        assert np.array_equal(blue.person, red.person)
        assert np.array_equal(blue.image[blue.person == 0], red.image[red.person == 0])
        assert (blue.image != red.image).any(axis=2)[blue.person == 1].mean() > 0.4


def test_a_skirt_changes_the_outline() -> None:
    everyone = [appearance_of(0, identity) for identity in range(60)]
    skirts = [a for a in everyone if a.lower.kind == "skirt"]
    trousers = [a for a in everyone if a.lower.kind == "trousers"]
    structure = _people(1)[0][1]
    one, two = render(skirts[0], structure), render(trousers[0], structure)
    assert np.abs(one.person - two.person).sum() > 30
    assert np.array_equal(one.image[one.person + two.person == 0], two.image[one.person + two.person == 0])


@pytest.mark.parametrize("tone", [skin_tone, hair_tone, bag_tone])
def test_colors_of_the_structure_can_be_told_from_gray(tone: Callable[[float], Color]) -> None:
    grays = [sum(tone(step / 20)) for step in range(21)]
    assert all(one > two for one, two in zip(grays, grays[1:], strict=False))


def test_clothes_show_from_every_side() -> None:
    """Red clothes show red over much of the person from front, back and both sides."""
    appearance, structure = _plain(appearance_of(0, 4), RED), structure_of(0, 4, 1, 0)
    structure = dataclasses.replace(structure, bag=dataclasses.replace(structure.bag, kind="none"))
    for quarter in range(4):
        rendered = render(appearance, dataclasses.replace(structure, yaw=quarter * np.pi / 2))
        red, green, blue = (rendered.image[..., channel].astype(float) for channel in range(3))
        dressed = (red > 1.8 * green) & (red > 1.8 * blue) & (rendered.person == 1)
        assert dressed.sum() > 0.45 * rendered.person.sum()


@pytest.mark.slow
def test_bad_crops_are_badly_cropped() -> None:
    """A badly cropped person is cut off or off the middle: the outline differs much from the well cropped one's."""
    for appearance, structure in _people(12):
        good, bad = render(appearance, structure).person, render(appearance, badly_cropped(structure)).person
        assert np.abs(good - bad).mean() > 0.05


def test_a_repeating_pattern_is_one_of_five_on_either_garment() -> None:
    woven = ("hoops", "stripes", "checks", "dots", "diagonal")
    everyone = [appearance_of(0, identity) for identity in range(100)]
    for one in everyone:
        assert one.has_repeating_pattern == (one.upper.pattern in woven or one.lower.pattern in woven)
    assert 30 < sum(one.has_repeating_pattern for one in everyone) < 80


def test_a_person_keeps_the_skin_and_repeated_patterns_are_in_tone() -> None:
    """The accent of a pattern that repeats is nearer to the garment's color than that of any other."""
    everyone = [appearance_of(0, identity) for identity in range(200)]
    assert len({one.skin for one in everyone}) > 150

    def distances(repeats: bool) -> list[float]:
        woven = ("hoops", "stripes", "checks", "dots", "diagonal")
        uppers = [one.upper for one in everyone if (one.upper.pattern in woven) == repeats]
        return [float(np.abs(np.subtract(upper.color, upper.accent)).sum()) for upper in uppers]

    assert max(distances(repeats=True)) < 0.55 * max(distances(repeats=False)) + 1e-9
    assert min(distances(repeats=True)) > 0.05
