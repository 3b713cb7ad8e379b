"""Identity consistency against an obvious loop."""

import numpy as np
import pytest

from dgnet.core.errors import UserError
from eval.images.identity_consistency import identity_consistency
from tests.messages import mentions


def test_it_is_the_obvious_loop() -> None:
    random = np.random.default_rng(0)
    appearances, structures = random.normal(size=(2, 40, 6))
    generated = 0.5 * appearances + 0.3 * structures + random.normal(size=(40, 6))
    cosines = []
    for image, *sources in zip(generated, appearances, structures, strict=True):
        cosines.append([image @ s / np.linalg.norm(image) / np.linalg.norm(s) for s in sources])
    near, far = np.array(cosines).T
    found = identity_consistency(generated, appearances, structures)
    assert found.share == np.mean(near > far) and 0.5 < found.share < 1
    assert found.margin == pytest.approx(np.mean(near - far), abs=1e-6)
    assert found.appearance_cosine == pytest.approx(near.mean(), abs=1e-6)
    assert found.structure_cosine == pytest.approx(far.mean(), abs=1e-6)
    assert found.to_appearance == pytest.approx(near, abs=1e-6) and found.to_structure == pytest.approx(far, abs=1e-6)
    other = identity_consistency(generated, structures, appearances)
    assert other.share == pytest.approx(1 - found.share) and other.margin == pytest.approx(-found.margin)


def test_copies_of_a_source() -> None:
    sources = np.random.default_rng(1).normal(size=(2, 5, 4))
    found = identity_consistency(sources[0], *sources)
    assert (found.share, found.appearance_cosine) == (1, pytest.approx(1, abs=1e-6))
    assert identity_consistency(sources[1], *sources).share == 0
    assert identity_consistency(sources[0], sources[1], sources[1]).share == 0, "a tie is no success"


def test_a_network_that_tells_no_images_apart_is_refused() -> None:
    for value in (0.0, 0.3):
        alike = np.full((5, 4), value)
        with pytest.raises(UserError, match="the features of all images are the same"):
            identity_consistency(alike, alike, alike)


def test_bad_input_is_one_sentence() -> None:
    good = np.random.default_rng(2).normal(size=(5, 4))
    with pytest.raises(ValueError, match=mentions("appearances", 5, 4)):
        identity_consistency(good, good[:4], good)
    with pytest.raises(ValueError, match="columns, got 4 and 3"):
        identity_consistency(good, good, good[:, :3])
    with pytest.raises(ValueError, match=mentions("structures", 1)):
        identity_consistency(good, good, np.where(np.arange(5)[:, None] == 1, np.nan, good))
