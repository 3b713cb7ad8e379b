"""What the tools that use a trained head share: which one, on what device, and its features of files."""

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from dgnet.core.checkpoint import file_hash
from dgnet.core.cli import add_device
from dgnet.core.device import choose_device
from dgnet.core.images import image_files
from dgnet.core.option_types import at_least, expanded_path
from dgnet.data.readers.names import UNKNOWN_CAMERA, market_name
from dgnet.data.records import JUNK
from eval.images.extractor import features_of
from eval.reid.feature_file import SplitFeatures, StoredFeatures
from reid_heads.load import load_model
from reid_heads.loaded_model import LoadedModel
from tools.evaluation.options import add_mirrored_option
from tools.evaluation.reid_extractor import ReidExtractor, extractor_of
from tools.evaluation.stored_features import preprocessing_of

SPLIT = "images"
_UNKNOWN = JUNK, UNKNOWN_CAMERA


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """--model-path, --model-name, --mirrored, --device, --batch-size and --workers."""
    parser.add_argument("--model-path", type=expanded_path, metavar="FILE", required=True, help="the trained head")
    parser.add_argument("--model-name", metavar="NAME", help="which head it is: other systems' files do not say")
    add_mirrored_option(parser)
    add_device(parser)
    parser.add_argument(
        "--batch-size", type=at_least(1), default=64, help="images at a time; changes no feature (default: 64)"
    )
    parser.add_argument("--workers", type=at_least(1), help="threads that decode (default: all cores)")


@dataclass(frozen=True)
class ModelExtractor:
    """A trained head and how its user wants it to look at images."""

    model: LoadedModel
    path: Path
    batch: int
    workers: int | None

    @classmethod
    def of(cls, args: argparse.Namespace) -> "ModelExtractor":
        """The model of `add_model_options`. `UserError` as `reid_heads.load_model`."""
        device = choose_device(args.device)
        model = load_model(args.model_path, args.model_name, device=device, mirrored=args.mirrored)
        return cls(model, args.model_path, args.batch_size, args.workers)

    @cached_property
    def extractor(self) -> ReidExtractor:
        """The model, and the size that it sees images at."""
        return extractor_of(self.model)

    @property
    def preprocessing(self) -> dict[str, object]:
        """What an image goes through, as in every file of features."""
        return preprocessing_of(self.extractor)

    def features(self, files: Sequence[Path]) -> np.ndarray:
        """Unit-length features `[file, feature]`, float32. `UserError` names a file that cannot be read."""
        return features_of(files, self.extractor, batch=self.batch, workers=self.workers)

    def described(self, files: Sequence[Path], data: str) -> StoredFeatures:
        """The features of files with all that a file of features says of them.

        Identity and camera are those that a Market-1501 name tells, else -1.
        """
        named = [market_name(path.name) or _UNKNOWN for path in files]
        identities, cameras = (np.array(column, np.int64) for column in zip(*named, strict=True))
        split = SplitFeatures(self.features(files), identities, cameras, tuple(map(str, files)))
        name = self.model.name
        return StoredFeatures(name, data, file_hash(self.path), self.preprocessing, {SPLIT: split})


def files_of(places: Iterable[Path]) -> list[Path]:
    """Files as they are, and all images of folders. `UserError` for a folder without images."""
    return [file for place in places for file in (image_files(place) if place.is_dir() else [place])]
