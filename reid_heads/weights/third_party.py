"""Weights of the systems that the heads come from, under their keys -> a head of ours.

Known are the bag-of-tricks baseline (`base.`, `bottleneck.`, `classifier.`), MGN-pytorch (`backone.`, `p1.` ...), and
ImageNet files of torchvision and IBN-Net (`conv1.`, `layer1.` ...), which fill the trunk alone.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from torch import Tensor

from dgnet.core.errors import UserError
from dgnet.models.head import Head, Option
from reid_heads.models.bnneck import BNNeck
from reid_heads.models.mgn import MGN
from reid_heads.models.registry import build_head
from reid_heads.weights.state_file import read_state

State = Mapping[str, Tensor]

_BASELINE = {"base": "trunk", "bottleneck": "neck", "classifier": "classifier"}
_MGN_STEM = {"0": "stem.0", "1": "stem.1", "4": "stages.0", "5": "stages.1", "6": "stages.2"}
_MGN_IMAGENET = {"conv1": "stem.0", "bn1": "stem.1", "layer1": "stages.0", "layer2": "stages.1"}


def fill_from_original(head: Head, path: Path) -> bool:
    """Load a file of another system into a head of ours.

    Returns whether the whole head was filled (True), or its trunk alone from an ImageNet file (False).

    Raises:
        UserError: the file is unreadable or a pickled module, another architecture's, or knows another number of
            identities than the head.
    """
    state = read_state(path)
    known = _identities(state)
    if known not in (None, head.identities):
        raise UserError(f"{path}: these weights know {known} identities, the head {head.name!r} has {head.identities}")
    _load(head, state, path)
    return not _is_imagenet(state)


def read_original(path: Path, name: str, **options: Option) -> Head:
    """The head of another system's file, with the file's number of identities; of a `_kd` name the deployed head.

    `options` are those of `build_head`; what the file itself tells counts more (of MGN, all but pooling and trunk).

    Raises:
        UserError: as `fill_from_original`; also for an ImageNet file, which holds a trunk and no head.
    """
    state = read_state(path)
    identities = _identities(state)
    if identities is None:
        raise UserError(f"{path}: holds no trained head {name!r} (no classifier of identities)")
    if name == "mgn":
        options = options | _mgn_options(state)
    if name.endswith("_kd"):
        # The source's branches are left aside: only training knows them.
        name = name.removesuffix("_kd")
        state = {key: value for key, value in state.items() if key.split(".")[0] in _BASELINE}
    head = build_head(name, identities, **options)
    _load(head, state, path)
    return head


def translate(key: str, head: Head, imagenet: bool) -> list[str]:
    """Where the entry `key` of another system goes in a head; ImageNet's rest fills each of MGN's three branches.

    Empty for a key that has no place there.
    """
    first, _, rest = key.partition(".")
    if isinstance(head, MGN):
        return _mgn_imagenet_keys(key) if imagenet else _mgn_keys(key, head.stripes)
    if not isinstance(head, BNNeck):
        return []
    if imagenet:
        return [f"trunk.{key}"] if re.fullmatch(r"conv1|bn1|layer[1-4]", first) else []
    return [f"{_BASELINE[first]}.{rest}"] if first in _BASELINE else []


def _mgn_keys(key: str, stripes: Iterable[int]) -> list[str]:
    if match := re.fullmatch(r"backone\.([01456])\.(.+)", key):
        return [f"{_MGN_STEM[match[1]]}.{match[2]}"]
    if match := re.fullmatch(r"p([123])\.(.+)", key):
        return [f"branches.{int(match[1]) - 1}.{match[2]}"]
    if match := re.fullmatch(r"reduction_(\d)\.([01])\.(.+)", key):
        return [f"reductions.{match[1]}.{('convolution', 'norm')[int(match[2])]}.{match[3]}"]
    if match := re.fullmatch(r"fc_id_2048_([012])\.(.+)", key):
        return [f"classifiers.{match[1]}.{match[2]}"]
    if match := re.fullmatch(r"fc_id_256_([12])_(\d)\.(.+)", key):
        _, of_second, _ = stripes
        before = 3 if match[1] == "1" else 3 + of_second
        return [f"classifiers.{before + int(match[2])}.{match[3]}"]
    return []


def _mgn_imagenet_keys(key: str) -> list[str]:
    first, _, rest = key.partition(".")
    if first in _MGN_IMAGENET:
        return [f"{_MGN_IMAGENET[first]}.{rest}"]
    if first == "layer4":
        return [f"branches.{branch}.1.{rest}" for branch in range(3)]
    if first == "layer3":
        block, _, entry = rest.partition(".")
        # The stem ends with stage 3's first block, each branch goes on with the second.
        if block == "0":
            return [f"stages.2.{entry}"]
        return [f"branches.{branch}.0.{int(block) - 1}.{entry}" for branch in range(3)]
    return []


def _load(head: Head, state: State, path: Path) -> None:
    imagenet = _is_imagenet(state)
    wanted = head.state_dict()
    translated: dict[str, Tensor] = {}
    wrong: list[str] = []
    for key, value in state.items():
        if key.startswith("fc." if imagenet else "base.fc."):
            continue  # the classifier of ImageNet, which a trunk may carry along
        places = translate(key, head, imagenet)
        translated |= dict.fromkeys(places, value)
        if not places or any(place not in wanted or wanted[place].shape != value.shape for place in places):
            wrong.append(key)
    expected = [key for key in wanted if not imagenet or _of_trunk(head, key)]
    # Old files do not count the batches that their norms have seen.
    wrong += [key for key in expected if key not in translated and not key.endswith("num_batches_tracked")]
    if wrong:
        raise UserError(
            f"{path}: weights of another architecture than the head {head.name!r} (first mismatch: {wrong[0]})"
        )
    head.load_state_dict(translated, strict=False)


def _of_trunk(head: Head, key: str) -> bool:
    return key.split(".")[0] in (("stem", "stages", "branches") if isinstance(head, MGN) else ("trunk",))


def _is_imagenet(state: State) -> bool:
    return "conv1.weight" in state


def _identities(state: State) -> int | None:
    for key in ("classifier.weight", "fc_id_2048_0.weight"):
        if key in state:
            return state[key].shape[0]
    return None


def _mgn_options(state: State) -> dict[str, Option]:
    stripes = [sum(bool(re.fullmatch(rf"fc_id_256_{branch}_\d\.weight", key)) for key in state) for branch in (1, 2)]
    features = state["reduction_0.0.weight"].shape[0] if "reduction_0.0.weight" in state else 256
    return {"stripes": f"1-{stripes[0]}-{stripes[1]}", "features": features}
