"""Generated images beside real ones: which ones a batch gets, live swaps, and what a policy cannot use."""

from pathlib import Path

import numpy as np
import pytest
import torch

from dgnet.core import pixels
from dgnet.core.errors import UserError
from dgnet.data.datasets import read_dataset
from dgnet.data.readers.generated import read_generated
from dgnet.data.records import Dataset
from reid_heads.generated.label_policies import LabelPolicyName
from reid_heads.generated.sources import LiveGenerator, StoredImages, draw_swaps, open_generated
from tests.dgnet.data.photographs import write_image
from tests.dgnet.small_generator import small_generator, store
from tests.messages import mentions
from tests.reid_heads.small_data import HEIGHT, WIDTH, generated_folder, small_config

pytestmark = pytest.mark.usefixtures("narrow")


@pytest.fixture(scope="module")
def folder(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generated_folder(tmp_path_factory.mktemp("made"), dataset)


def stored(folder: Path, dataset: Dataset, policy: LabelPolicyName = "appearance", first: int = 0) -> StoredImages:
    classes = {identity: label for label, identity in enumerate(dataset.identities)}
    return StoredImages(read_generated(folder)[first:], classes, policy)


def test_a_batch_gets_images_of_its_own_identities(folder: Path, dataset: Dataset) -> None:
    labels = np.array([4, 4, 1, 1, 2, 2])
    made = stored(folder, dataset).draw(labels, 6, HEIGHT, WIDTH, 0, 5)
    assert sorted(made.appearance.tolist()) == [1, 1, 2, 2, 4, 4]
    assert made.structure.tolist() == [(label + 1) % 6 for label in made.appearance.tolist()]
    fine = stored(folder, dataset, "fine_grained").draw(labels, 6, HEIGHT, WIDTH, 0, 5)
    assert sorted(fine.structure.tolist()) == [1, 1, 2, 2, 4, 4]
    # The labels are those of the images: the manifest lists the training images themselves.
    images = {path.name[:4] for path in stored(folder, dataset).cache.paths}
    assert images == {f"{identity:04d}" for identity in dataset.identities}


def test_draws_are_a_pure_function(folder: Path, dataset: Dataset) -> None:
    labels, made = np.array([0, 0, 3, 3]), stored(folder, dataset)
    one, again, other = (made.draw(labels, 8, HEIGHT, WIDTH, 0, index) for index in (1, 1, 2))
    assert torch.equal(one.images, again.images) and not torch.equal(one.images, other.images)


def test_an_identity_without_generated_images_gets_others(folder: Path, dataset: Dataset) -> None:
    some = stored(folder, dataset, first=4)  # those of the first identity are missing
    made = some.draw(np.array([0, 0, 5, 5]), 20, HEIGHT, WIDTH, 0, 0)
    assert 0 not in made.appearance and (made.appearance == 5).sum() >= 10


def test_swaps_are_between_two_identities() -> None:
    random = np.random.default_rng(0)
    for index in range(50):
        labels = random.integers(0, 3, 8)
        labels[:2] = 0, 1
        count = int(random.integers(1, 20))
        appearance, structure = draw_swaps(labels, count, 0, index)
        assert len(appearance) == len(structure) == count and (labels[appearance] != labels[structure]).all()
        uses = np.bincount(appearance, minlength=8)
        assert uses.max() - uses.min() <= 1  # in turn


def test_a_live_generator_swaps_the_images_of_the_batch() -> None:
    network = small_generator()
    live = LiveGenerator(network, 64, 48)
    images = torch.randint(0, 256, (4, 3, 64, 48), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([7, 7, 9, 9])
    made = live.swap(images, labels, 3, 0, 1)
    appearance, structure = draw_swaps(labels.numpy(), 3, 0, 1)
    normal = pixels.normalize(images)
    with torch.no_grad():
        expected = network(normal[torch.from_numpy(appearance)], normal[torch.from_numpy(structure)])
    assert torch.equal(made.images, pixels.to_uint8(expected))
    assert made.appearance.tolist() == labels[appearance].tolist()
    assert made.structure.tolist() == labels[structure].tolist()
    assert live.swap(images[..., :40, :24], labels, 3, 0, 1).images.shape == (3, 3, 40, 24)


@pytest.mark.slow
def test_what_a_source_names_is_opened(folder: Path, dataset: Dataset, tmp_path: Path) -> None:
    assert open_generated(small_config().generated, dataset) is None
    assert len(open_generated(small_config(generated__source=folder).generated, dataset)) == 24  # type: ignore[arg-type]
    path = store(tmp_path / "run", small_generator(), 5)
    for source in (path, tmp_path / "run"):
        live = open_generated(small_config(generated__source=source).generated, dataset)
        assert isinstance(live, LiveGenerator) and (live.height, live.width) == (64, 48)


def test_what_a_policy_needs_must_be_known(folder: Path, dataset: Dataset, tmp_path: Path) -> None:
    with_strangers = tmp_path / "set.csv"
    image = next(iter(read_generated(folder))).path
    with_strangers.write_text(f"path,identity\n{image},1234\n{image},\n")
    for policy, words in (
        ("appearance", r"its appearance identity is 1234, not a training identity \(so for 2 of 2 images\)"),
        ("fine_grained", "its structure identity is unknown"),
        ("soft_between", "its appearance identity is 1234"),
    ):
        with pytest.raises(UserError, match=words):
            open_generated(small_config(generated__source=with_strangers, generated__label=policy).generated, dataset)
    anonymous = small_config(generated__source=with_strangers, generated__label="lsro").generated
    made = open_generated(anonymous, dataset)
    assert isinstance(made, StoredImages) and made.appearance.tolist() == [-1, -1]


def test_a_set_whose_people_have_other_numbers_now_is_refused(tmp_path: Path) -> None:
    """Named people are numbered in sorted order: with Abel, Bob's images would be learned as Anna's."""
    people, made = tmp_path / "people", tmp_path / "made"
    for name in ("anna", "bob"):
        write_image(people / name / "1.png", WIDTH, HEIGHT)
    write_image(made / "x.png", WIDTH, HEIGHT)
    columns = "path,appearance,appearance_identity,structure,structure_identity"
    (made / "manifest.csv").write_text(f"{columns}\nx.png,anna/1.png,1,bob/1.png,2\n")
    config = small_config(generated__source=made).generated
    assert isinstance(open_generated(config, read_dataset(people)), StoredImages)
    write_image(people / "zoe" / "1.png", WIDTH, HEIGHT)  # behind all others: no number changes
    assert isinstance(open_generated(config, read_dataset(people)), StoredImages)
    write_image(people / "abel" / "1.png", WIDTH, HEIGHT)
    with pytest.raises(UserError, match=mentions("anna/1.png", 1, 2)):
        open_generated(config, read_dataset(people))


def test_numbers_in_file_names_are_nobody_where_people_have_names(tmp_path: Path) -> None:
    """SET/images has no manifest: with Abel, Anna's images in its folder 0001 were learned as Abel's."""
    people, made = tmp_path / "people", tmp_path / "made"
    for name in ("anna", "bob"):
        write_image(people / name / "1.png", WIDTH, HEIGHT)
    write_image(made / "images" / "0001" / "x.png", WIDTH, HEIGHT)
    config = small_config(generated__source=made / "images").generated
    with pytest.raises(UserError, match=mentions("images", "anna", 1, "CSV")):
        open_generated(config, read_dataset(people))
    (made / "manifest.csv").write_text("path,appearance_identity\nimages/0001/x.png,1\n")
    with pytest.raises(UserError, match=mentions("anna", made.resolve())):
        open_generated(config, read_dataset(people))
    # Policies that ask for nobody's identity, and people who are their numbers.
    unlabeled = small_config(generated__source=made / "images", generated__label="unlabeled").generated
    assert isinstance(open_generated(unlabeled, read_dataset(people)), StoredImages)
    for before, after in (("anna", "0001"), ("bob", "0002")):
        (people / before).rename(people / after)
    made_of_numbers = open_generated(config, read_dataset(people))
    assert isinstance(made_of_numbers, StoredImages) and made_of_numbers.appearance.tolist() == [0]
