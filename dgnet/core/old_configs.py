"""Configurations of earlier versions under today's keys."""

from collections.abc import Collection, Mapping
from typing import Any

from dgnet.core.old_keys import AB_SECTION, CONFIG_KEYS, CONFIG_VALUES, MOVED_KEYS, NEW_SECTIONS, OLD_AB_SECTION


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
