"""Features in a file, with all that says what they are of: weights, preprocessing, images, identities, cameras.

One .npz holds one network on one data set, a row for each image of each split. NumPy reads it anywhere, without pickle.
An image is identified by the SHA-256 of its content: names, labels and the data set's folder are only what they were
when the file was written. Files of version 0.2 and before have no such hashes: whether the images changed is
unknown.
"""

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dgnet.core.errors import UserError
from dgnet.core.files import replacing
from dgnet.core.json_files import parse_json
from eval.arrays import Array, as_numpy, checked_features, checked_labels
from eval.reid.labeled_features import LabeledFeatures

_KIND = "features of images"
_ABOUT, _COLUMNS, _CONTENT = "about", ("features", "identities", "cameras", "paths"), "content"


@dataclass(frozen=True)
class SplitFeatures(LabeledFeatures):
    """One split: features `[image, feature]` float32, identities and cameras `[image]` int64, each image's path, and
    the SHA-256 of each image file; none where they are not known."""

    features: np.ndarray
    identities: np.ndarray
    cameras: np.ndarray
    paths: tuple[str, ...]
    content: tuple[str, ...] = ()

    @classmethod
    def checked(
        cls, name: str, features: Array, identities: Array, cameras: Array, paths: object, content: object = ()
    ) -> "SplitFeatures":
        """`UserError` that names the split unless all of them agree."""
        rows = as_numpy(checked_features(f"features of {name}", features)).astype(np.float32, copy=False)
        numbers = checked_labels(f"identities of {name}", identities, len(rows)).numpy()
        files = tuple(str(path) for path in np.asarray(paths).tolist())
        if len(files) != len(rows):
            raise UserError(f"{name} must have a path for each of {len(rows)} images, got {len(files)}")
        hashes = tuple(str(digits) for digits in np.asarray(content).tolist())
        if hashes and len(hashes) != len(rows):
            raise UserError(f"{name} must have a hash for each of {len(rows)} images, got {len(hashes)}")
        return cls(rows, numbers, checked_labels(f"cameras of {name}", cameras, len(rows)).numpy(), files, hashes)

    def lookup(self, file: Path) -> Callable[[Sequence[Path]], np.ndarray]:
        """Paths of images -> their features `[image, feature]`. `UserError`, which names `file`, for another image."""
        places = {Path(path): place for place, path in enumerate(self.paths)}

        def features_of(images: Sequence[Path]) -> np.ndarray:
            missing = next((image for image in images if image not in places), None)
            if missing is not None:
                raise UserError(
                    f"{file}: must hold the features of every crop, that of {missing} is missing: extract again"
                )
            return self.features[[places[image] for image in images]]

        return features_of


@dataclass(frozen=True)
class StoredFeatures:
    """What a file holds. `checkpoint` is the SHA-256 of the weights, `preprocessing` what an image went through
    (decoding, height, width, mean, std, flip), `network` and `data` their names for people."""

    network: str
    data: str
    checkpoint: str
    preprocessing: Mapping[str, object]
    splits: Mapping[str, SplitFeatures]

    @property
    def checkable(self) -> bool:
        """Whether the content of every image is known."""
        return all(split.content for split in self.splits.values())


def save_features(path: Path, stored: StoredFeatures, *, overwrite: bool = False) -> None:
    """Write `path`, whole or not at all. `UserError` if it is there and `overwrite` is off."""
    if path.exists() and not overwrite:
        raise UserError(f"{path} already exists: name another file or ask to overwrite it")
    about = {"kind": _KIND, "network": stored.network, "data": stored.data, "checkpoint": stored.checkpoint}
    arrays: dict[str, np.ndarray] = {
        _ABOUT: np.array(json.dumps(about | {"preprocessing": dict(stored.preprocessing)}))
    }
    for name, split in stored.splits.items():
        columns = (*_COLUMNS, _CONTENT) if split.content else _COLUMNS
        arrays |= {f"{name}/{column}": np.asarray(getattr(split, column)) for column in columns}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]


def load_features(
    path: Path, *, checkpoint: str | None = None, preprocessing: Mapping[str, object] | None = None
) -> StoredFeatures:
    """Read what `save_features` wrote.

    With `checkpoint` or `preprocessing` it must be of these weights and this preprocessing (of a file without hashes,
    whose preprocessing says less, what it says). `UserError` in one sentence if not, and for a file that is missing,
    damaged or something else.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        about = parse_json(str(arrays.pop(_ABOUT)))
        if about.pop("kind") != _KIND:
            raise KeyError(_ABOUT)
        names = dict.fromkeys(name.rsplit("/", 1)[0] for name in arrays)
        splits = {}
        for name in names:
            features, identities, cameras, paths = (arrays[f"{name}/{column}"] for column in _COLUMNS)
            content = arrays.get(f"{name}/{_CONTENT}", ())
            splits[name] = SplitFeatures.checked(name, features, identities, cameras, paths, content)
        if len(columns := {split.features.shape[1] for split in splits.values()}) > 1:
            raise UserError(f"features of all splits must have as many columns, got {sorted(columns)}")
        stored = StoredFeatures(splits=splits, **about)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it does not read as one"
        raise UserError(f"{path} must be a file of features written by this library ({reason})") from error
    if checkpoint is not None and stored.checkpoint != checkpoint:
        raise UserError(
            f"{path} must be of the weights {checkpoint[:12]}..., it is of {stored.checkpoint[:12]}...: extract again"
        )
    unsaid = {} if stored.checkable else dict(preprocessing or {})
    if preprocessing is not None and unsaid | dict(stored.preprocessing) != dict(preprocessing):
        raise UserError(
            f"{path} must be of images prepared by {dict(preprocessing)}, it is of {dict(stored.preprocessing)}"
        )
    return stored
