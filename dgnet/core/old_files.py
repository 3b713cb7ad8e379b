"""The contents of earlier versions' files under today's names: checkpoints, models, sets, results and reports."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from dgnet.core.old_keys import (
    AB_RESULT_KEYS,
    CHECKPOINT_KEYS,
    RATES,
    RECIPE_KEYS,
    REPORT_KEYS,
    REPORT_WORDS,
    STATE_PREFIXES,
    TEACHER_OPTIONS,
    TERMS,
)


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
        >>> current_checkpoint({"generator": {"structure.surroundings.weight": 1}})
        {'generator': {'structure.background.weight': 1}}
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
