"""The data of an A/B: a subset of the real images, and a target domain."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from dgnet.core.content import labeled_digest
from dgnet.core.distributed import Distributed
from dgnet.core.errors import UserError
from dgnet.core.random_draws import permutation
from dgnet.data.copies import copies_in
from dgnet.data.datasets import read_dataset
from dgnet.data.pedestrians import SyntheticSpec, write_dataset
from dgnet.data.records import Dataset, Record
from dgnet.data.training_data import open_dataset
from reid_heads.ab_experiment.config import ABConfig, SubsetConfig, TargetDomainConfig, VariantConfig

# Domains, as results and reports name them.
SAME_DOMAIN, TARGET_DOMAIN = "same cameras", "other cameras, other light"


@dataclass(frozen=True)
class ABData:
    """The images of an A/B.

    Attributes:
        whole: the data set.
        subset: the real images that the models train on.
        all_images: all images of the same identities, for variants that train on these.
        domains: name -> what the models are tested on.
    """

    whole: Dataset
    subset: Dataset
    all_images: Dataset
    domains: Mapping[str, Dataset]

    @classmethod
    def open(cls, config: ABConfig, distributed: Distributed) -> "ABData":
        """Read the data; render the target domain where it does not exist. `UserError` for what cannot be used."""
        whole = open_dataset(config.training.data, distributed)
        every_image = SubsetConfig(identities=config.subset.identities, seed=config.subset.seed)
        subset, all_images = subset_of(whole, config.subset), subset_of(whole, every_image)
        domains = {SAME_DOMAIN: whole}
        if config.target_domain is not None:
            domains[TARGET_DOMAIN] = open_target_domain(config.target_domain)
            check_target_domain(domains[TARGET_DOMAIN], whole)
        return cls(whole, subset, all_images, domains)

    @cached_property
    def digest(self) -> str:
        """A hash of the images and labels that the models train and are tested on."""
        tested = (record for dataset in self.domains.values() for record in (*dataset.query, *dataset.gallery))
        return labeled_digest([*self.all_images.train, *tested])

    def images_of(self, variant: VariantConfig) -> Dataset:
        """The real images that a variant trains on."""
        return self.all_images if variant.every_image else self.subset

    def splits(self) -> dict[str, dict[str, int]]:
        """The training images and identities: of the subset, and of all images of its identities."""
        by_name = {"subset of the real images": self.subset, "all real images": self.all_images}
        return {
            name: {"images": len(dataset.train), "identities": len(dataset.identities)}
            for name, dataset in by_name.items()
        }


def subset_of(dataset: Dataset, subset: SubsetConfig) -> Dataset:
    """The data set with some of the identities and training images: a pure function of the records and `subset`.

    For each identity, `subset.cameras` of its cameras are drawn, then `subset.images` of the images by these.
    """
    by_identity: dict[int, list[Record]] = {}
    for record in dataset.train:
        by_identity.setdefault(record.identity, []).append(record)
    identities = dataset.identities
    drawn = permutation(subset.seed, "identities", 0, len(identities))[: subset.identities]
    chosen: list[Record] = []
    for identity in (identities[index] for index in drawn):
        records = by_identity[identity]
        cameras = sorted({record.camera for record in records})
        order = permutation(subset.seed, "cameras of an identity", identity, len(cameras))
        allowed = {cameras[index] for index in order[: subset.cameras]}
        images = [record for record in records if record.camera in allowed]
        order = permutation(subset.seed, "images of an identity", identity, len(images))
        chosen += [images[index] for index in order[: subset.images]]
    return replace(dataset, train=tuple(sorted(chosen, key=lambda record: record.path)))


def open_target_domain(target_domain: TargetDomainConfig) -> Dataset:
    """The target domain; built-in pedestrians are rendered first where they do not exist yet."""
    if (people := target_domain.pedestrians) is not None:
        spec = SyntheticSpec(
            seed=people.seed,
            camera_seed=people.camera_seed,
            train_identities=2,  # never trained on; a data set must have a training split
            test_identities=people.test_identities,
            images_per_identity=people.images_per_identity,
        )
        write_dataset(target_domain.root, spec)
    dataset = read_dataset(target_domain.root, "market1501" if people is not None else target_domain.layout)
    if not dataset.query or not dataset.gallery:
        raise UserError(f"{target_domain.root}: target_domain needs a query and a gallery split to test on")
    return dataset


def check_target_domain(target_domain: Dataset, data: Dataset) -> None:
    """`UserError` where test images of the target domain are images of the data set, by their content."""
    trained, tested = ((*data.train, *data.query, *data.gallery), (*target_domain.query, *target_domain.gallery))
    of_data, of_target = set(trained), set(tested)
    groups = copies_in((*trained, *tested))
    shared = [group for group in groups if of_data.intersection(group) and of_target.intersection(group)]
    if shared:
        raise UserError(
            f"target_domain must be other images than training.data, {len(shared)} of its test images are the same "
            f"({shared[0][-1].path} is {shared[0][0].path})"
        )
