"""What an A/B trains and tests on: a subset of the real images, images generated from it, and another domain."""

from dataclasses import replace
from pathlib import Path

from dgnet.core.errors import UserError
from dgnet.core.random_draws import permutation
from dgnet.data.datasets import read_dataset
from dgnet.data.pedestrians import SyntheticSpec, write_dataset
from dgnet.data.records import Dataset, Record
from dgnet.generation.create_set import create_set
from dgnet.generation.manifest import RECIPE
from dgnet.generation.plans import pairs_per_identity
from dgnet.generation.request import SetRequest
from reid_heads.ab_experiment.config import ABConfig, SubsetConfig, TargetDomainConfig
from reid_heads.generated.sources import is_run


def subset_of(dataset: Dataset, subset: SubsetConfig) -> Dataset:
    """The data set with some of the identities and training images: a pure function of the records and `subset`.

    Of each identity `subset.cameras` of its cameras are drawn, then `subset.images` of the images that these took.
    """
    people: dict[int, list[Record]] = {}
    for record in dataset.train:
        people.setdefault(record.identity, []).append(record)
    everybody = dataset.identities
    drawn = permutation(subset.seed, "identities", 0, len(everybody))[: subset.identities]
    chosen: list[Record] = []
    for identity in (everybody[index] for index in drawn):
        records = people[identity]
        cameras = sorted({record.camera for record in records})
        order = permutation(subset.seed, "cameras of an identity", identity, len(cameras))
        allowed = {cameras[index] for index in order[: subset.cameras]}
        images = [record for record in records if record.camera in allowed]
        order = permutation(subset.seed, "images of an identity", identity, len(images))
        chosen += [images[index] for index in order[: subset.images]]
    return replace(dataset, train=tuple(sorted(chosen, key=lambda record: record.path)))


def open_target_domain(target_domain: TargetDomainConfig) -> Dataset:
    """The other domain, rendered first where it is built-in pedestrians that are not there yet."""
    if (people := target_domain.pedestrians) is not None:
        spec = SyntheticSpec(
            seed=people.seed,
            camera_seed=people.camera_seed,
            train_identities=2,  # nobody trains on them, but a data set without a training split is none
            test_identities=people.test_identities,
            images_per_identity=people.images_per_identity,
        )
        write_dataset(target_domain.root, spec)
    dataset = read_dataset(target_domain.root, "market1501" if people is not None else target_domain.layout)
    if not dataset.query or not dataset.gallery:
        raise UserError(f"{target_domain.root}: target_domain needs a query and a gallery split to test on")
    return dataset


def test_records(dataset: Dataset) -> tuple[Record, ...]:
    """Queries and gallery."""
    return (*dataset.query, *dataset.gallery)


def require_generator(config: ABConfig) -> Path:
    """What is to make the generated images, or the set of them. `UserError` where nothing is there."""
    source = config.generator
    if source is None or not source.exists():
        raise UserError(
            f"{source}: no trained generator here; `make demo` trains the one of the built-in pedestrians, "
            "generator=RUN names another"
        )
    return source


def generated_images(config: ABConfig, subset: Dataset, folder: Path) -> Path:
    """Where the generated images are: in `folder/generated`, swaps of the real images of `subset`, continued where they
    are there in part; or the set that the configuration names.

    Raises:
        UserError: there is no generator, or it was trained on other identities.
    """
    source, target = require_generator(config), generated_folder(config, folder)
    if target == source or target is None:
        return source
    request = SetRequest(
        name=str(source),
        data=subset.root,
        pairs=swap_names(subset, config.per_identity, config.subset.seed),
        output=target,
        device=config.training.run.device,
        resume=(target / RECIPE).is_file(),
    )
    print(create_set(request), flush=True)
    return target


def generated_folder(config: ABConfig, folder: Path) -> Path | None:
    """Where the generated images of an A/B in `folder` are, or will be."""
    source = config.generator
    return folder / "generated" if source is not None and is_run(source) else source


def swap_names(subset: Dataset, each: int, seed: int) -> list[tuple[str, str]]:
    """`each` swaps (appearance, structure) for every identity, between images of `subset`, by their paths below it."""
    names = [record.path.relative_to(subset.root).as_posix() for record in subset.train]
    return [
        (names[appearance], names[structure]) for appearance, structure in pairs_per_identity(subset.train, each, seed)
    ]
