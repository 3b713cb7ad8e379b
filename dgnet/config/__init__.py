"""Typed, frozen configuration: a YAML file plus `section.key=value` overrides. Unknown keys are errors."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import field_validator, model_validator

from dgnet.config.data import DataConfig
from dgnet.config.networks import AppearanceConfig, DecoderConfig, DiscriminatorConfig, StructureConfig, TeacherConfig
from dgnet.config.training import LossConfig, OptimizerConfig, RunConfig, ScheduleConfig, ShortTrainingConfig
from dgnet.core.files import user_path
from dgnet.core.folder_names import plain_folder_name
from dgnet.core.section import Section
from dgnet.core.section import resolved as resolved  # whoever reads a configuration stores it too
from dgnet.core.settings import load_settings, override_settings, parse_settings


class Config(Section):
    """Everything that `tools/train_gan.py` needs. The number of identities is not here: it comes from the data."""

    name: str = "latest"
    data: DataConfig = DataConfig()
    appearance: AppearanceConfig = AppearanceConfig()
    structure: StructureConfig = StructureConfig()
    decoder: DecoderConfig = DecoderConfig()
    discriminator: DiscriminatorConfig = DiscriminatorConfig()
    teacher: TeacherConfig = TeacherConfig()
    loss: LossConfig = LossConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    run: RunConfig = RunConfig()
    short_training: ShortTrainingConfig = ShortTrainingConfig()

    @model_validator(mode="after")
    def _parts_take_no_settings_of_the_style_networks(self) -> "Config":
        short, parts = self.short_training, self.decoder.kind == "parts"
        for name in ("background", "standardize_code", "initial_style"):
            if parts and getattr(short, name) != ShortTrainingConfig.model_fields[name].default:
                raise ValueError(f"short_training.{name} has no effect with decoder.kind=parts: leave it out")
        return self

    @field_validator("name")
    @classmethod
    def _plain_folder_name(cls, name: str) -> str:
        return plain_folder_name(name)


def load_config(path: str | Path, overrides: list[str] | tuple[str, ...] = ()) -> Config:
    """Read a YAML file and apply `section.key=value` overrides; `UserError` as in `load_settings`.

    Example:
        >>> load_config("configs/latest.yaml", ["run.batch_size=4"]).run.batch_size
        4
    """
    return load_settings(Config, user_path(path), overrides)


def parse_config(values: dict[str, Any], source: str) -> Config:
    """A mapping -> `Config`; the first problem becomes one sentence."""
    return parse_settings(Config, values, source)


def override_config(config: Config, overrides: Sequence[str]) -> Config:
    """The configuration with `section.key=value` overrides. `UserError` as in `load_settings`."""
    return override_settings(config, overrides)
