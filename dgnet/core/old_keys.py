"""Names that earlier versions wrote into their files -> the names of today.

Every reader of a configuration, checkpoint, model file, manifest or report passes what it read through one of these
functions, so that a run, a checkpoint or a set of an earlier version opens and goes on. This is the only place that
knows old names: whoever renames a key adds a line here.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

# Dotted keys of configurations: a section, or a setting by its old section. Sections are renamed first.
CONFIG_KEYS: dict[str, str] = {
    "optimiser": "optimizer",
    "optimizer.centre_rate": "optimizer.center_rate",
    "appearance.head": "appearance.model",
    "data.each_pass": "data.epoch_mode",
    "appearance.double_up_to_height": "appearance.upsample_below_height",
    "teacher.double_up_to_height": "teacher.upsample_below_height",
    "teacher.style": "teacher.label",
    "loss.encode_again": "loss.structure_encoder_probability",
    "loss.teacher": "loss.teacher_factor",
    "loss.fine": "loss.fine_grained",
    "short_training.matrix_rate": "short_training.muon_rate",
    # Of a re-ID model's training.
    "head": "model",
    # Of an A/B.
    "few": "subset",
    "elsewhere": "target_domain",
    "rows": "variants",
}

# The same for settings that moved to another section, in configurations that have that section.
MOVED_KEYS: dict[str, str] = {
    "appearance.detach_codes": "short_training.detach_codes",
    "appearance.from_teacher": "short_training.from_teacher",
    "decoder.initial_style": "short_training.initial_style",
    "decoder.standardise_code": "short_training.standardize_code",
    "decoder.standardize_code": "short_training.standardize_code",
    "loss.identity_begin": "short_training.identity_begin",
    "loss.image_norm": "short_training.image_norm",
    "loss.swap_begin": "short_training.swap_begin",
    "optimizer.matrix_rate": "short_training.muon_rate",
    "run.merge_batch_statistics": "short_training.merge_batch_statistics",
    "schedule.decay": "short_training.decay",
    "structure.mix_colors": "short_training.mix_colors",
    "structure.mix_colours": "short_training.mix_colors",
    "structure.surroundings": "short_training.surroundings",
}

# A section that is new -> one that the configurations which have it always had.
NEW_SECTIONS: dict[str, str] = {"short_training": "discriminator"}

# All settings of a re-ID model's training stand in this section of an A/B; versions before 0.3 called it "head".
AB_SECTION, OLD_AB_SECTION = "training", "head"

# (dotted key of today, old value) -> value.
CONFIG_VALUES: dict[tuple[str, Any], Any] = {
    ("structure.input", "grey"): "gray",
    ("generated.label", "unlabelled"): "unlabeled",
    # The numbers of the official release.
    ("teacher.label", 0): "soft",
    ("teacher.label", 1): "hard",
    ("teacher.label", 2): "appearance",
    ("teacher.label", 3): "lsro",
    ("teacher.label", 4): "soft_between",
}

# Entries of a checkpoint, and of the dictionaries in it ("entry/key").
CHECKPOINT_KEYS: dict[str, str] = {
    "optimiser": "optimizer",
    "optimisers": "optimizers",
    "optimizers/centres": "centers",
    "optimizers/matrices": "muon",
}

# Where parameters of 0.1 begin in the state dicts of a checkpoint: (entry, old prefix, prefix of today). Models may
# have any names for their own parameters, so nothing else is translated.
STATE_PREFIXES: tuple[tuple[str, str, str], ...] = (
    ("generator", "decoder.standardise.", "decoder.standardize."),
    ("learning", "objective.centres.centres.", "objective.centers.centers."),
)

# Options in a teacher's file.
TEACHER_OPTIONS: dict[str, str] = {"double_up_to_height": "upsample_below_height"}

# Terms in the columns of `scalars.csv`, behind "loss/" and "weight/".
TERMS: dict[str, str] = {
    "teaching": "soft_label",
    "teaching_fine": "fine_grained",
    "fine": "fine_grained",
    "identity_fine": "identity_fine_grained",
}

# Optimizers in the columns of `scalars.csv`, behind "learning_rate/".
RATES: dict[str, str] = {"matrices": "muon"}

# Dotted keys of `set.json`, the recipe of a generated set.
RECIPE_KEYS: dict[str, str] = {"data.licence": "data.license"}

# The result of one run of an A/B, and the folder of these results.
AB_RESULT_KEYS: dict[str, str] = {"row": "variant", "dropped": "filter_counts"}
AB_RESULTS_FOLDER = "rows"

# What the name of the independent classifier's run ends with: "_classifier" today.
OLD_CLASSIFIER_SUFFIX = "_witness"

# Options of the command line -> what they are called today, the first name that the parser of a tool knows; a tool that
# still has an option of the old name means that one.
OPTIONS: dict[str, tuple[str, ...]] = {
    "--licence": ("--license",),
    "--neighbours": ("--neighbors",),
    "--which-epoch": ("--iteration",),
    "--to": ("--output",),
    "--people": ("--identities",),
    "--batch": ("--batch-size",),
    "--witness": ("--classifier",),
    "--pairs": ("--pairs-file", "--pairs-per-identity", "--count"),
    "--most": ("--count",),
    "--json": ("--output",),
    "--save": ("--features-folder",),
    "--model-path": ("--name",),
}


# Entries of report.json.
REPORT_KEYS: dict[str, str] = {"figures": "metrics"}

# Words in the names, protocols and notes of a report's metrics, so that reports of two versions can be compared.
REPORT_WORDS: dict[str, str] = {
    "recoloured": "recolored",
    "neighbour": "neighbor",
    "colour": "color",
    "grey": "gray",
    "Who is it?": "Identification",
    "generated image named as its": "generated image classified as its",
    "a blind guess": "chance",
    "the classifier itself, right about real images": "accuracy of the classifier on real images",
    "PSNR over the best trivial answer": "PSNR gain over the best simple answer",
    "PSNR over painted": "PSNR gain over the painted outline",
    "pairs won": "swaps nearer to the truth than all answers without a model",
    "generated image classified as its appearance": "swaps recognized as the person of the appearance",
    "generated image classified as its structure": "swaps recognized as the person of the structure",
    "accuracy of the classifier on real images": "real images recognized",
    **{f"{measure}, generated": f"{measure} of the swaps" for measure in ("PSNR", "SSIM")},
    **{f"{measure}, painted": f"{measure} of the painted outline" for measure in ("PSNR", "SSIM")},
}


def current_key(key: str, sections: Collection[str] = ()) -> str:
    """The dotted key of a configuration as it is called today.

    Args:
        sections: those of this kind of configuration; settings move to no other.

    Example:
        >>> current_key("optimiser.generator_rate")
        'optimizer.generator_rate'
        >>> current_key("loss.swap_begin", sections=("loss", "short_training"))
        'short_training.swap_begin'
        >>> current_key("head.name")
        'model.name'
        >>> current_key("head.head.name", sections=("training", "variants"))
        'training.model.name'
    """
    section, dot, rest = key.partition(".")
    if _is_ab(sections) and section in (AB_SECTION, OLD_AB_SECTION):
        return AB_SECTION + dot + (current_key(rest) if rest else "")
    key = CONFIG_KEYS.get(section, section) + dot + rest
    moved = MOVED_KEYS.get(key)
    return moved if moved and moved.partition(".")[0] in sections else CONFIG_KEYS.get(key, key)


def current_config(values: Mapping[str, Any], sections: Collection[str] = ()) -> dict[str, Any]:
    """The nested configuration under today's keys; values that are called otherwise today are translated too.

    Args:
        sections: those of this kind of configuration; settings move to no other.

    Raises:
        ValueError: a setting is there under its old and its new name.

    Example:
        >>> current_config({"optimiser": {"generator_rate": 0.001}, "structure": {"input": "grey"}})
        {'optimizer': {'generator_rate': 0.001}, 'structure': {'input': 'gray'}}
        >>> current_config({"loss": {"cycle": 2, "swap_begin": 9}}, sections=("loss", "short_training"))
        {'loss': {'cycle': 2}, 'short_training': {'swap_begin': 9}}
    """
    # No setting moves to another section of an A/B.
    renamed = _renamed(values, "", sections if _is_ab(sections) else ())
    for old, new in MOVED_KEYS.items():
        (section, name), (new_section, new_name) = old.split("."), new.split(".")
        if new_section not in sections or not isinstance(renamed.get(section), dict) or name not in renamed[section]:
            continue
        target = renamed.setdefault(new_section, {})
        if target is None:
            target = renamed[new_section] = {}
        if new_name in target:
            raise ValueError(f"{old} and {new} are the same setting: give one of them")
        target[new_name] = renamed[section].pop(name)
    for section, neighbor in NEW_SECTIONS.items():
        if section in sections and neighbor in renamed:
            renamed.setdefault(section, {})
    return renamed


def _is_ab(sections: Collection[str]) -> bool:
    return "variants" in sections


def _renamed(values: Mapping[str, Any], section: str, sections: Collection[str]) -> dict[str, Any]:
    renamed: dict[str, Any] = {}
    for name, value in values.items():
        old = f"{section}{name}"
        key = current_key(old, sections)
        # A name may hold dots itself: the settings of an A/B's variant are overrides.
        last = name if key == old else key.rpartition(".")[2]
        if last in renamed or (last != name and last in values):
            raise ValueError(f"{old} and {key} are the same setting: give one of them")
        if isinstance(value, Mapping):
            renamed[last] = _renamed(value, f"{key}.", sections)
        elif type(value) in (str, int):
            renamed[last] = CONFIG_VALUES.get((key.removeprefix(f"{AB_SECTION}."), value), value)
        else:
            renamed[last] = value
    return renamed


def current_scalar(name: str) -> str:
    """The column of a `scalars.csv` under today's name.

    Example:
        >>> current_scalar("loss/teaching")
        'loss/soft_label'
    """
    group, slash, term = name.partition("/")
    names = {"loss": TERMS, "weight": TERMS, "learning_rate": RATES}.get(group, {})
    return f"{group}/{names.get(term, term)}" if slash else name


def current_ab_result(entries: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a result of an A/B under today's names.

    Example:
        >>> current_ab_result({"row": "real", "seed": 0})
        {'variant': 'real', 'seed': 0}
    """
    return {AB_RESULT_KEYS.get(key, key): value for key, value in entries.items()}


def current_report(entries: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a `report.json` under today's names; the texts of its metrics in today's words.

    Example:
        >>> current_report({"figures": [{"name": "PSNR, recoloured", "value": 14.0}]})
        {'metrics': [{'name': 'PSNR, recolored', 'value': 14.0}]}
    """
    # Reports of today need no translation, and may name files by such words.
    if not REPORT_KEYS.keys() & entries.keys():
        return dict(entries)
    report = {REPORT_KEYS.get(key, key): value for key, value in entries.items()}
    report["metrics"] = [
        {key: _current_words(value) for key, value in metric.items()} for metric in report.get("metrics", [])
    ]
    return report


def _current_words(value: Any) -> Any:
    if isinstance(value, str):
        for old, new in REPORT_WORDS.items():
            # Not in the names of files and runs.
            value = re.sub(rf"(?<![\w/.-]){re.escape(old)}", new, value)
    return value


def current_recipe(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe of a generated set (`set.json`) under today's keys.

    Example:
        >>> current_recipe({"data": {"licence": "MIT"}, "plans": []})
        {'data': {'license': 'MIT'}, 'plans': []}
    """
    renamed: dict[str, Any] = {}
    for section, values in recipe.items():
        if not isinstance(values, Mapping):
            renamed[section] = values
            continue
        keys = {key: RECIPE_KEYS.get(f"{section}.{key}", f"{section}.{key}").partition(".")[2] for key in values}
        renamed[section] = {keys[key]: value for key, value in values.items()}
    return renamed


def current_filter_counts(counts: Sequence[Any]) -> list[tuple[str, int, int]]:
    """What filters dropped in a result of an A/B: (filter, dropped, images); version 0.1 wrote sentences.

    Example:
        >>> current_filter_counts(["realism at least 0.5: 6 of 12 generated images dropped"])
        [('realism at least 0.5', 6, 12)]
    """
    return [_filter_count(count) if isinstance(count, str) else (count[0], count[1], count[2]) for count in counts]


def _filter_count(sentence: str) -> tuple[str, int, int]:
    name, _, counts = sentence.rpartition(": ")
    dropped, _, images = counts.removesuffix(" generated images dropped").partition(" of ")
    return name, int(dropped), int(images)


def current_checkpoint(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a checkpoint under today's keys; tensors and other values are passed on as they are.

    Example:
        >>> current_checkpoint({"optimisers": {"head": 1, "centres": 2}})
        {'optimizers': {'head': 1, 'centers': 2}}
        >>> current_checkpoint({"generator": {"decoder.standardise.running_var": 1}})
        {'generator': {'decoder.standardize.running_var': 1}}
    """
    renamed = {CHECKPOINT_KEYS.get(entry, entry): value for entry, value in checkpoint.items()}
    for entry, value in renamed.items():
        if isinstance(value, Mapping):
            names = {key: _current_entry(entry, key) for key in value}
            if any(name != key for key, name in names.items()):
                renamed[entry] = {names[key]: item for key, item in value.items()}
    return renamed


def _current_entry(entry: str, key: Any) -> Any:
    for place, old, new in STATE_PREFIXES:
        if entry == place and str(key).startswith(old):
            return new + str(key).removeprefix(old)
    return CHECKPOINT_KEYS.get(f"{entry}/{key}", key)


def current_model_file(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a re-ID model's file as it is written today; earlier versions wrote heads and teachers apart.

    Example:
        >>> current_model_file({"kind": "dgnet teacher", "architecture": {"backbone": "resnet18"}})
        {'kind': 're-ID model', 'architecture': {'name': 'ide', 'options': {'backbone': 'resnet18'}}}
    """
    content = dict(content)
    if content.get("kind") == "dgnet teacher":
        options = content.get("architecture", {})
        options = {TEACHER_OPTIONS.get(key, key): value for key, value in options.items()}
        content["architecture"] = {"name": "ide", "options": options}
    if content.get("kind") in ("dgnet teacher", "reid head"):
        content["kind"] = "re-ID model"
    return content
