"""Command-line options that users of other systems know, and the settings that they stand for."""

import argparse
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from dgnet.core.errors import UserError
from dgnet.core.old_configs import current_key
from dgnet.core.option_types import at_least, between, expanded_path
from dgnet.core.settings import as_settings
from dgnet.models.reid_model import Option
from reid_heads.config import ReIDConfig
from reid_heads.generated.label_policies import LABEL_POLICIES

KD = "_kd"
# The bag of tricks' default of --feature_loss_coefficient.
STAGE_FEATURES = 0.03

# The settings that a test depends on.
USED_BY_TESTS = (
    "data.root",
    "data.layout",
    "data.synthetic",
    "data.height",
    "data.width",
    "model.name",
    "model.options",
    "test.batch_size",
    "test.mirrored",
    "run.device",
)


class SettingOption(NamedTuple):
    """An option: the setting `section.key` that it stands for, its names, and argparse's other arguments."""

    setting: str
    names: tuple[str, ...]
    arguments: dict[str, Any]


def option(setting: str, *names: str, **arguments: Any) -> SettingOption:
    """A row of a table of options."""
    if not {"action", "choices", "metavar"} & set(arguments):
        arguments["metavar"] = names[0].removeprefix("--").replace("-", "_").upper()
    return SettingOption(setting, names, {**arguments, "dest": setting})


DATA = option("data.root", "--data", "--datadir", type=expanded_path, metavar="DIR", help="data set (default: data/)")

# https://github.com/michuanhaohao/reid-strong-baseline, and its self-distillation.
BAG_OF_TRICKS = (
    option("model.name", "--model-name", metavar="NAME", help="the model, such as resnet50_ibn_a"),
    option(
        "model.weights", "--model-path", type=expanded_path, metavar="FILE", help="initial weights: ImageNet or a model"
    ),
    DATA,
    option("test.batch_size", "--test-batch-size", "--TEST-IMS-PER-BATCH", type=at_least(1), help="images at a time"),
    option("schedule.epochs", "--epochs", "--MAX-EPOCHS", type=at_least(1), help="epochs of the training"),
    option(
        "distillation.stage_features",
        "--feature-loss-coefficient",
        type=between(0.0),
        help=f"weight of self-distillation (default: {STAGE_FEATURES})",
    ),
)

# https://github.com/seathiefwang/MGN-pytorch; what is not given is as in configs/heads/mgn.yaml, switches are off.
MGN_PYTORCH = (
    DATA,
    option("data.identities", "--batchid", type=at_least(2), help="P: identities in a batch"),
    option("data.images_per_identity", "--batchimage", type=at_least(1), help="K: images of each identity"),
    option("data.height", "--height", type=at_least(64), help="height of the images in pixels"),
    option("data.width", "--width", type=at_least(48), help="width of the images in pixels"),
    option(
        "data.erasing",
        "--random-erasing",
        action="store_const",
        const=0.5,
        default=0.0,
        help="erase with probability 0.5 (default: never)",
    ),
    option("model.options.pooling", "--pool", choices=("avg", "max"), help="pooling of globals and stripes"),
    option("model.options.features", "--feats", type=at_least(1), help="size of each part's feature"),
    option(
        "model.options.stripes", "--stripes", choices=("1-2-3", "1-2-4", "1-3-4"), help="stripes of the three branches"
    ),
    option("model.weights", "--pre-train", type=expanded_path, metavar="FILE", help="weights to start from or to test"),
    option("loss.terms", "--loss", help="the loss, such as 1*CrossEntropy+2*Triplet+0.005*CenterLoss, or with MSMLoss"),
    option("loss.margin", "--margin", type=between(0.0), help="margin of Triplet and MSMLoss"),
    option("optimizer.name", "--optimizer", help="ADAM, SGD, NADAM or RMSprop"),
    option("optimizer.amsgrad", "--amsgrad", action="store_true", help="AMSGrad, with ADAM"),
    option("optimizer.learning_rate", "--lr", type=between(0.0), help="learning rate"),
    option("optimizer.momentum", "--momentum", type=between(0.0), help="momentum of SGD and RMSprop"),
    option("optimizer.weight_decay", "--weight-decay", type=between(0.0), help="weight decay of all parameters"),
    option("schedule.epochs", "--epochs", type=at_least(1), help="epochs of the training"),
    option("schedule.decay", "--decay-type", help="decay of the learning rate, such as step_320_380, or constant"),
    option("schedule.gamma", "--gamma", type=between(0.0), help="factor of each decay"),
    option("test.every", "--test-every", type=at_least(0), metavar="EPOCHS", help="epochs between tests; 0: no tests"),
    option("test.batch_size", "--test-batch-size", "--batchtest", type=at_least(1), help="images at a time in tests"),
    option("test.re_rank", "--re-rank", action="store_true", help="also measure with re-ranking in every test"),
    option("run.device", "--cpu", action="store_const", const="cpu", help="use the CPU"),
)


def add_options(parser: argparse.ArgumentParser, options: Sequence[SettingOption]) -> None:
    """Add a table of options to a parser."""
    for row in options:
        parser.add_argument(*row.names, **row.arguments)


def settings_of(args: argparse.Namespace, options: Sequence[SettingOption]) -> dict[str, object]:
    """Setting -> value of the options of a table; None for those that were not given."""
    return {row.setting: getattr(args, row.setting) for row in options}


def options_and_overrides(
    settings: Mapping[str, object], given: Collection[str], overrides: Sequence[str]
) -> list[str]:
    """The settings that options stand for, and overrides, as one list; what only is an option's default gives way.

    `given`: the settings whose options were given.
    """
    keys = keys_of(overrides)
    return [
        *as_settings({key: value for key, value in settings.items() if key in given or key not in keys}),
        *overrides,
    ]


def given_options(args: argparse.Namespace, options: Sequence[SettingOption]) -> set[str]:
    """The settings of a table whose options were given, by another value than the default."""
    defaults = {row.setting: row.arguments.get("default", False if _is_switch(row) else None) for row in options}
    return {setting for setting, default in defaults.items() if getattr(args, setting) != default}


def _is_switch(row: SettingOption) -> bool:
    return row.arguments.get("action") == "store_true"


def keys_of(overrides: Sequence[str]) -> list[str]:
    """The settings that overrides name, by their names of today."""
    return [current_key(override.partition("=")[0], ReIDConfig.model_fields) for override in overrides]


def refuse_unused(overrides: Sequence[str]) -> None:
    """`UserError` for a setting on which no test depends: the user would take the figure for one of that setting."""
    for override, key in zip(overrides, keys_of(overrides), strict=True):
        if not any(key == used or key.startswith(f"{used}.") for used in USED_BY_TESTS):
            raise UserError(f"{override}: has no effect on a test; these have: {', '.join(USED_BY_TESTS)}")


def asked_size(config: ReIDConfig, overrides: Sequence[str]) -> tuple[int | None, int | None]:
    """Height and width of the images as far as overrides of the configuration name them."""
    keys = keys_of(overrides)
    height, width = config.data.height, config.data.width
    return (height if "data.height" in keys else None, width if "data.width" in keys else None)


def asked_options(config: ReIDConfig, overrides: Sequence[str]) -> dict[str, Option]:
    """The options of the model as far as overrides of the configuration name them."""
    keys = keys_of(overrides)
    return {
        name: value
        for name, value in config.model.options.items()
        if {"model", "model.options", f"model.options.{name}"} & set(keys)
    }


def with_self_distillation(settings: dict[str, object], config: ReIDConfig, distill: bool) -> dict[str, object]:
    """The settings of `BAG_OF_TRICKS` on top of `config`, completed for `--kd` (`distill`): the model NAME_kd, and a
    weight of its distillation.

    Raises:
        UserError: a weight of self-distillation for a model without it.
    """
    name, weight = settings["model.name"], settings["distillation.stage_features"]
    if distill:
        name = str(name or config.model.name).removesuffix(KD) + KD
        if weight is None and config.distillation.stage_features == 0:
            weight = STAGE_FEATURES
    elif weight is not None and not str(name or config.model.name).endswith(KD):
        raise UserError("--feature-loss-coefficient weighs self-distillation: give --kd, too, or a model named ..._kd")
    return {**settings, "model.name": name, "distillation.stage_features": weight}


def identities_in_batch(images: int | None, images_per_identity: int) -> int | None:
    """P of a batch of `images` (--batch-size) with K `images_per_identity`; None for None.

    Raises:
        UserError: no whole number of identities, or fewer than two.
    """
    if images is None:
        return None
    if images % images_per_identity or images < 2 * images_per_identity:
        raise UserError(
            f"--batch-size must be a multiple of data.images_per_identity ({images_per_identity}) and at least twice "
            f"that, got {images}"
        )
    return images // images_per_identity


def label_policies_help() -> str:
    """What generated.label may be, for --help."""
    policies = (f"  {name:<13} {policy.meaning}" for name, policy in LABEL_POLICIES.items())
    return "\n".join(["generated.label, the label of a generated image:", *policies])
