"""Settings of an A/B of re-ID models: those that all variants share, and those of each variant."""

import json
from pathlib import Path
from typing import Any

from pydantic import Field, JsonValue, field_validator

from dgnet.core.errors import UserError
from dgnet.core.folder_names import plain_folder_name
from dgnet.core.section import Section
from dgnet.core.settings import override_settings
from reid_heads.config import ReIDConfig


class SubsetConfig(Section):
    """The real images to train on: the number of `identities`, of `images` of each and of `cameras` they come from.

    Null: all. They are drawn with `seed`.
    """

    identities: int | None = Field(None, ge=2)
    images: int | None = Field(None, ge=1)
    cameras: int | None = Field(None, ge=1)
    seed: int = 0


class PedestriansConfig(Section):
    """Other built-in pedestrians: other people (`seed`) before other cameras in another light (`camera_seed`)."""

    seed: int = 1
    camera_seed: int = 1
    test_identities: int = Field(50, ge=2)
    images_per_identity: int = Field(12, ge=2)


class TargetDomainConfig(Section):
    """A target domain, tested on and never trained on: a data set as in `data`; `pedestrians` are rendered first."""

    root: Path
    layout: str = "auto"
    pedestrians: PedestriansConfig | None = None


class GeneratorTrainingConfig(Section):
    """The training of a DG-Net on the subset, and on no other image.

    Args:
        config: a configuration of tools/train_gan.py; its data set is replaced by the subset.
        settings: `section.key` of it -> value.
    """

    config: Path
    settings: dict[str, JsonValue] = {}


class VariantConfig(Section):
    """One way of training.

    Args:
        meaning: a few words for the table.
        generated: whether it trains on the generated images.
        against: the variants that it is compared with; by default the baseline.
        every_image: it trains on all real images of the same identities, not on the subset.
        settings: `section.key` of the configuration of a model -> value, on top of `training`.
    """

    meaning: str = Field(min_length=1)
    generated: bool = False
    against: tuple[str, ...] = ()
    every_image: bool = False
    settings: dict[str, JsonValue] = {}


class ABConfig(Section):
    """Everything that `tools/ab.py` needs.

    Args:
        seeds: the number of runs of each variant, with the seeds 0, 1, ... for weights, batches and augmentation, the
            same in every variant.
        confidence: the confidence level of the intervals.
        baseline: the variant that trains on real images alone.
        generator_training: how the generator is trained: on the subset that the models train on, so that all that
            it knows is in these images.
        generator: in place of that a run of DG-Net (tools/train_gan.py, `make demo`), or an existing set: a folder of
            generated images or a CSV file. Where it was trained on other images, they may be what helps.
        per_identity: the number of images generated for each identity, from the real images that the models train on.
        keep_models: keep the trained model of each run, `runs/VARIANT_SEED/last.pth`, which every tool takes by --name;
            otherwise it is removed when it has been measured.
        training: the settings that all variants share, as for tools/train.py.
    """

    name: str = "ab"
    seeds: int = Field(5, ge=2)
    confidence: float = Field(0.95, gt=0, lt=1)
    baseline: str = "real"
    generator_training: GeneratorTrainingConfig | None = None
    generator: Path | None = None
    per_identity: int = Field(12, ge=1)
    subset: SubsetConfig = SubsetConfig()
    target_domain: TargetDomainConfig | None = None
    keep_models: bool = False
    training: ReIDConfig = ReIDConfig()
    variants: dict[str, VariantConfig] = {}

    @field_validator("name")
    @classmethod
    def _plain_folder_name(cls, name: str) -> str:
        return plain_folder_name(name)

    def check(self) -> None:
        """`UserError` where the settings of the variants contradict each other."""
        for name, variant in self.variants.items():
            try:
                plain_folder_name(name)
            except ValueError as error:
                raise UserError(f"variants: the name {name!r} {error}") from error
            for other in variant.against:
                if other == name or other not in self.variants:
                    raise UserError(
                        f"variants.{name}.against must name other variants ({', '.join(self.variants)}), got {other!r}"
                    )
        real = [name for name, variant in self.variants.items() if not variant.generated]
        if self.baseline not in real:
            raise UserError(
                f"baseline must name a variant without generated images ({', '.join(real) or 'there is none'}), "
                f"it names {self.baseline!r}"
            )
        if len(self.variants) < 2:
            raise UserError(
                "variants must hold the baseline and at least one variant to compare with it, there is only one"
            )
        if self.generator is not None and self.generator_training is not None:
            raise UserError(
                f"generator_training and generator exclude each other: one of them must be null, generator is "
                f"{self.generator}"
            )
        if self.generator is None and self.generator_training is None and self.needs_images():
            raise UserError(
                "a variant has generated images: generator_training.config must name a configuration of DG-Net, or "
                "generator a trained one or a set of images; both are null"
            )

    def compared_with(self, name: str) -> tuple[str, ...]:
        """The variants that `name` is compared with; none for the baseline."""
        return () if name == self.baseline else self.variants[name].against or (self.baseline,)

    def needs_images(self) -> bool:
        """Whether any variant has generated images."""
        return any(variant.generated for variant in self.variants.values())

    def model_of(self, name: str, seed: int, generated: Path | None) -> ReIDConfig:
        """The configuration of one run: the variant `name` with the seed, its generated images in `generated`.

        Raises:
            UserError: a setting of the variant that does not exist, or one that the A/B itself decides.
        """
        variant = self.variants[name]
        for key in ("run.seed", "data.root", "data.layout", "test.every", "name"):
            if key in variant.settings:
                raise UserError(f"variants.{name}.settings: {key} is the same in every variant, or set for each run")
        settings: dict[str, Any] = {"test.every": 0, **variant.settings, "run.seed": seed, "name": f"{name}_{seed}"}
        if variant.generated:
            settings.setdefault("generated.source", str(generated))
        overrides = [f"{key}={json.dumps(value)}" for key, value in settings.items()]
        return override_settings(self.training, overrides, f"variants.{name}.settings")
