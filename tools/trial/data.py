"""What an A/B trains and tests on: a few real images, images generated from them, and another place."""

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
from reid_heads.generated.sources import is_run
from tools.trial.config import ElsewhereConfig, FewConfig, TrialConfig


def few_of(dataset: Dataset, few: FewConfig) -> Dataset:
    """The data set with a few identities and a few training images of each: a pure function of the records and `few`.

    `few.cameras` of an identity's cameras are drawn, then `few.images` of the images that these took.
    """
    people: dict[int, list[Record]] = {}
    for record in dataset.train:
        people.setdefault(record.identity, []).append(record)
    everybody = dataset.identities
    drawn = permutation(few.seed, "identities", 0, len(everybody))[: few.identities]
    kept: list[Record] = []
    for identity in (everybody[place] for place in drawn):
        records = people[identity]
        cameras = sorted({record.camera for record in records})
        order = permutation(few.seed, "cameras of an identity", identity, len(cameras))
        chosen = {cameras[place] for place in order[: few.cameras]}
        seen = [record for record in records if record.camera in chosen]
        kept += [seen[place] for place in permutation(few.seed, "images of an identity", identity, len(seen))][
            : few.images
        ]
    return replace(dataset, train=tuple(sorted(kept, key=lambda record: record.path)))


def open_elsewhere(elsewhere: ElsewhereConfig) -> Dataset:
    """The other domain, rendered first where it is built-in pedestrians that are not there yet."""
    if (people := elsewhere.pedestrians) is not None:
        spec = SyntheticSpec(
            seed=people.seed,
            camera_seed=people.camera_seed,
            train_identities=2,  # nobody trains on them, but a data set without a training split is none
            test_identities=people.test_identities,
            images_per_identity=people.images_per_identity,
        )
        write_dataset(elsewhere.root, spec)
    dataset = read_dataset(elsewhere.root, "market1501" if people is not None else elsewhere.layout)
    if not dataset.query or not dataset.gallery:
        raise UserError(f"{elsewhere.root}: elsewhere needs a query and a gallery split to test on")
    return dataset


def require_generator(config: TrialConfig) -> Path:
    """What is to make the generated images, or the set of them. `UserError` where nothing is there."""
    source = config.generator
    if source is None or not source.exists():
        raise UserError(
            f"{source}: no trained generator here; `make demo` trains the one of the built-in pedestrians, "
            "generator=RUN names another"
        )
    return source


def generated_images(config: TrialConfig, few: Dataset, folder: Path) -> Path:
    """Where the generated images are: made in `folder/generated` by a generator from the real images of `few`, or the
    set that the configuration names. What was made before is gone on with.

    Raises:
        UserError: there is no generator, or it was trained on other identities.
    """
    source = require_generator(config)
    if not is_run(source):
        return source
    target = folder / "generated"
    request = SetRequest(
        name=str(source),
        data=few.root,
        pairs=swap_names(few, config.per_identity, config.few.seed),
        output=target,
        device=config.head.run.device,
        resume=(target / RECIPE).is_file(),
    )
    print(create_set(request), flush=True)
    return target


def swap_names(few: Dataset, each: int, seed: int) -> list[tuple[str, str]]:
    """`each` swaps (appearance, structure) for every identity between the images of `few`, by their paths below it."""
    names = [record.path.relative_to(few.root).as_posix() for record in few.train]
    return [
        (names[appearance], names[structure]) for appearance, structure in pairs_per_identity(few.train, each, seed)
    ]
