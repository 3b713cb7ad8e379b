"""Pairs are drawn fairly and always the same; their swaps are the generator's and the renderer's."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.data.pedestrians import SyntheticSpec, SyntheticTruth, write_dataset
from dgnet.data.records import DISTRACTOR, JUNK, Record
from dgnet.generation.swap_pairs import (
    Pair,
    draw_pairs,
    generate_pairs,
    one_image_per_identity,
    render_pairs,
    same_person_pairs,
)
from dgnet.runs.loaded_generator import LoadedGenerator
from tests.dgnet.small_generator import IDENTITIES, small_config, small_generator
from tests.messages import mentions

pytestmark = pytest.mark.usefixtures("narrow")


def records(identities, images=5):
    return [
        Record(Path(f"{identity}_{image}.png"), identity, image % 3, "query")
        for identity in identities
        for image in range(images)
    ]


def test_pairs_are_the_same_whatever_the_order_of_the_records():
    people = records(range(1, 9))
    pairs = draw_pairs(people, 20, 3, "test")
    assert pairs == draw_pairs(people[::-1], 20, 3, "test")
    assert pairs != draw_pairs(people, 20, 4, "test") and pairs != draw_pairs(people, 20, 3, "other")
    assert pairs == draw_pairs(people, 30, 3, "test")[:20]


def test_pairs_are_swaps_and_every_image_lends_its_clothes_at_most_once():
    people = records([JUNK, DISTRACTOR, *range(1, 9)])
    pairs = draw_pairs(people, 1000, 0, "test")
    assert len(pairs) == len({pair.appearance for pair in pairs}) == 40
    assert all(pair.appearance.identity != pair.structure.identity for pair in pairs)
    assert all(record.identity > 0 for pair in pairs for record in (pair.appearance, pair.structure))
    # Structures come from everywhere too: 40 draws among 40 images meet about 25 of them.
    assert len({pair.structure for pair in pairs}) > 18


def test_one_person_cannot_swap():
    with pytest.raises(UserError, match="at least two identities"):
        draw_pairs(records([4, JUNK]), 5, 0, "test")


def test_one_image_each():
    people = records([JUNK, *range(1, 9)])
    chosen = one_image_per_identity(people, 5, 0, "test")
    assert len({record.identity for record in chosen}) == 5 and all(record.identity > 0 for record in chosen)
    assert chosen == one_image_per_identity(people[::-1], 5, 0, "test")
    assert len({record.path.stem[2:] for record in one_image_per_identity(people, 8, 0, "test")}) > 1, (
        "always the same image"
    )
    assert len(one_image_per_identity(people, 100, 0, "test")) == 8


@pytest.fixture(scope="module")
def pedestrians(tmp_path_factory):
    """Built-in pedestrians of 64x48 and two pairs of them."""
    root = tmp_path_factory.mktemp("data") / "pedestrians"
    spec = SyntheticSpec(
        train_identities=3, test_identities=0, images_per_identity=2, height=64, width=48, distractors=0, junk=0
    )
    write_dataset(root, spec, processes=1)
    paths = sorted(root.glob("*/*.png"))
    people = [Record(path, int(path.name[:4]), 1, "train") for path in paths]
    return root, [Pair(people[0], people[3]), Pair(people[4], people[1]), Pair(people[2], people[1])]


def picture(record):
    return torch.from_numpy(np.array(Image.open(record.path))).permute(2, 0, 1)


@pytest.mark.slow
def test_generated_pairs_are_the_generators_swaps_one_by_one(pedestrians):
    generator = small_generator().train()
    loaded = LoadedGenerator(generator, small_config(), IDENTITIES, 0)
    generated = generate_pairs(loaded, pedestrians[1], batch_size=2)
    assert generator.training and generated.dtype == torch.uint8
    generator.eval()
    for pair, image in zip(pedestrians[1], generated, strict=True):
        appearance, structure = (pixels.normalize(picture(r))[None] for r in (pair.appearance, pair.structure))
        with torch.no_grad():
            alone = pixels.to_uint8(generator(appearance, structure))[0]
        # Another batch size may round a value to the other side of a half.
        assert (alone.int() - image.int()).abs().max() <= 1
        assert (alone.int() - generated[0].int()).abs().max() > 1 or pair is pedestrians[1][0]


def test_rendered_pairs_hold_the_files_and_their_truth(pedestrians):
    root, pairs = pedestrians
    truth = SyntheticTruth.open(root)
    known = render_pairs(truth, pairs, 64, 48)
    for number, pair in enumerate(pairs):
        assert torch.equal(known.structures[number], picture(pair.structure))
        assert torch.equal(known.appearances[number], picture(pair.appearance))
        swap = truth.swap(pair.appearance.path, pair.structure.path)
        assert np.array_equal(known.truths[number].permute(1, 2, 0).numpy(), swap.image)
        assert np.array_equal(known.truth_outlines[number].numpy(), swap.person)
        own = truth.rendered(pair.structure.path).person
        assert np.array_equal(known.structure_outlines[number].numpy(), own)
        own = truth.rendered(pair.appearance.path).person
        assert np.array_equal(known.appearance_outlines[number].numpy(), own)


@pytest.mark.parametrize("role", ["appearance", "structure"])
def test_a_picture_in_place_of_a_built_in_pedestrian_is_refused(pedestrians, tmp_path, role):
    """Its true swap would be that of the pedestrian that was there."""
    root = shutil.copytree(pedestrians[0], tmp_path / "pedestrians")
    people = [
        Record(root / record.path.relative_to(pedestrians[0]), record.identity, 1, "train")
        for record in vars(pedestrians[1][0]).values()
    ]
    pair, truth = Pair(*people), SyntheticTruth.open(root)
    changed, other = (getattr(pair, role).path, next(r.path for r in people if r != getattr(pair, role)))
    shown = np.array(Image.open(changed))
    Image.fromarray(shown - np.uint8(1) * (shown > 100)).save(changed)  # rounded otherwise, elsewhere
    render_pairs(truth, [pair], 64, 48)
    shutil.copy(other, changed)
    with pytest.raises(UserError, match=mentions(changed, root)):
        render_pairs(truth, [pair], 64, 48)


def test_rendered_pairs_at_another_size(pedestrians):
    root, pairs = pedestrians
    truth = SyntheticTruth.open(root)
    native, small = render_pairs(truth, pairs, 64, 48), render_pairs(truth, pairs, 32, 16)
    assert small.truths.shape == (3, 3, 32, 16) and small.truth_outlines.shape == (3, 32, 16)
    assert torch.equal(small.structures, pixels.resize(native.structures, 32, 16))
    # The share of the picture that is person stays.
    torch.testing.assert_close(
        small.truth_outlines.mean(dim=(1, 2)), native.truth_outlines.mean(dim=(1, 2)), atol=0.01, rtol=0
    )


def test_another_image_of_the_same_person():
    people = records([JUNK, *range(1, 9)])
    pairs = draw_pairs(people, 1000, 0, "test")
    others = same_person_pairs(pairs, people, 0, "test")
    assert [pair.structure for pair in others] == [pair.appearance for pair in pairs]
    assert all(pair.appearance.identity == pair.structure.identity for pair in others)
    assert all(pair.appearance.path != pair.structure.path for pair in others)
    assert others == same_person_pairs(pairs, people[::-1], 0, "test") != same_person_pairs(pairs, people, 1, "test")
    alone = records([1, 2], images=1)
    assert same_person_pairs(draw_pairs(alone, 2, 0, "test"), alone, 0, "test") == []
