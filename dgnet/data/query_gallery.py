"""The queries and the gallery of a test: of data without training images, without cameras, or without a split."""

import argparse
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

from dgnet.core.content import content_hashes
from dgnet.core.errors import UserError
from dgnet.data.copies import warn_of_copies
from dgnet.data.datasets import read_dataset
from dgnet.data.description import mixed_cameras
from dgnet.data.readers.folders import read_folders
from dgnet.data.readers.manifest import is_manifest, read_manifest
from dgnet.data.readers.market import read_market
from dgnet.data.readers.msmt17 import is_msmt17_test, read_msmt17_test
from dgnet.data.readers.veri776 import read_veri776
from dgnet.data.records import UNKNOWN_CAMERA, Dataset

# The folders of a test split alone, by layout, and their reader.
_FOLDERS = {
    "market1501": (("query", "bounding_box_test"), "bounding_box_train", read_market),
    "veri776": (("image_query", "image_test"), "image_train", read_veri776),
    "folders": (("query", "gallery"), "train", read_folders),
}


@dataclass(frozen=True)
class SplitRule:
    """How queries and gallery are taken from a data set.

    Attributes:
        leave_one_out: every training image asks for all others; for data without queries and gallery.
        without_cameras: every other image of a query's person is a true match, whatever its camera; only the query's
            own image and its copies (files of the same content) are left out. Such figures are higher than those of
            the usual rule, and not comparable with them.

    Example:
        >>> from dgnet.data.query_gallery import SplitRule
        >>> split = SplitRule(leave_one_out=True, without_cameras=True)
        >>> str(split)
        'leave one out, cameras not used'
    """

    leave_one_out: bool = False
    without_cameras: bool = False

    def __str__(self) -> str:
        words = {"leave one out": self.leave_one_out, "cameras not used": self.without_cameras}
        return ", ".join(word for word, chosen in words.items() if chosen)

    def name_of(self, dataset: Dataset) -> str:
        """The data set's name for people, and the split where it is not the usual one."""
        return ", ".join(part for part in (dataset.root.name, str(self)) if part)

    def of(self, dataset: Dataset) -> Dataset:
        """The data set with this split.

        Where cameras count, a warning is logged of queries that have a copy under another camera: it is the easiest of
        matches, and no true one.

        Raises:
            UserError: it has queries or a gallery of its own and is to be left one out, or has none of both; no camera
                is known or some are not, and cameras are to count; or no query has a match. A way out is named where
                there is one.
        """
        if self.leave_one_out:
            if dataset.query or dataset.gallery:
                raise UserError(
                    f"{dataset.root}: has {len(dataset.query)} queries and {len(dataset.gallery)} gallery images of "
                    "its own; --leave-one-out is for data without them"
                )
            query, gallery = (
                tuple(replace(record, split=split) for record in dataset.train) for split in ("query", "gallery")
            )
            dataset = replace(dataset, train=(), query=query, gallery=gallery)
        if not dataset.query or not dataset.gallery:
            lacking = " and the split ".join(name for name in ("query", "gallery") if not getattr(dataset, name))
            hint = "; with --leave-one-out each image of a folder per person is a query against all others"
            either = dataset.query or dataset.gallery  # which --leave-one-out would refuse
            raise UserError(f"{dataset.root}: no images of the split {lacking}{'' if either else hint}")
        if self.without_cameras:
            records = (*dataset.query, *dataset.gallery)
            content = dict(zip(records, content_hashes([record.path for record in records]), strict=True))
            number = {digits: place for place, digits in enumerate(dict.fromkeys(content.values()))}
            query, gallery = (
                tuple(replace(record, camera=number[content[record]]) for record in part)
                for part in (dataset.query, dataset.gallery)
            )
            dataset = replace(dataset, query=query, gallery=gallery, multi_query=())
            warn_of_copies(dataset)
            if unmatched_queries(dataset) == len(query):
                raise UserError(
                    f"{dataset.root}: no query has another image of its identity in the gallery: nothing to measure"
                )
            return dataset
        if obstacle := _obstacle_of_cameras(dataset):
            SplitRule(without_cameras=True).of(dataset)  # raises where that is no way out
            of_tracks = f" (here of a track: its identities are {dataset.tracks} tracks of films)"
            raise UserError(
                f"{dataset.root}: {obstacle}; --without-cameras takes every other image of a person for a match"
                f"{of_tracks if dataset.tracks else ''}"
            )
        warn_of_copies(dataset)
        return dataset


def _obstacle_of_cameras(dataset: Dataset) -> str:
    """Why no accuracy can be measured between cameras; empty where it can."""
    if all(record.camera == UNKNOWN_CAMERA for record in (*dataset.query, *dataset.gallery)):
        return "no camera is known, and a true match is one by another camera"
    if mixed := mixed_cameras(dataset):
        identity, (known, unknown) = next(iter(mixed.items()))
        return (
            "cameras must be known for all images of an identity or for none, and a true match is one by another "
            f"camera: identity {identity} (and {len(mixed) - 1} others) has {known} images of known cameras and "
            f"{unknown} of an unknown one"
        )
    if unmatched_queries(dataset) == len(dataset.query):
        return "no query has an image of its identity by another camera in the gallery: nothing to measure"
    return ""


USUAL_SPLIT = SplitRule()


def read_test_data(root: Path, layout: str = "auto") -> Dataset:
    """The data set at `root`, whose training images may be missing.

    These are read without them: `query` and `bounding_box_test`, `image_query` and `image_test`, MSMT17's `test` with
    `list_query.txt` and `list_gallery.txt`, `query` and `gallery` with a folder for each identity, and a CSV file.

    Raises:
        UserError: as `dgnet.data.datasets.read_dataset` for everything else.
    """
    root = Path(root).expanduser()
    for name, (folders, train, read) in _FOLDERS.items():
        there = all((root / folder).is_dir() for folder in folders)
        if layout in ("auto", name) and there and not ((root / train).exists() or (root / "train_all").exists()):
            return read(root)
    if layout in ("auto", "msmt17") and is_msmt17_test(root):
        return read_msmt17_test(root)
    if layout in ("auto", "csv") and is_manifest(root):
        dataset = read_manifest(root)
        if dataset.query and dataset.gallery:
            return dataset
    return read_dataset(root, layout)


def unmatched_queries(dataset: Dataset) -> int:
    """How many queries have no gallery image of their identity by another camera."""
    cameras: dict[int, set[int]] = defaultdict(set)
    for record in dataset.gallery:
        cameras[record.identity].add(record.camera)
    return sum(not cameras[query.identity] - {query.camera} for query in dataset.query)


def add_split_options(parser: argparse.ArgumentParser) -> None:
    """--leave-one-out and --without-cameras."""
    parser.add_argument(
        "--leave-one-out",
        action="store_true",
        help="data without query and gallery (a folder per person): each image asks for all others",
    )
    parser.add_argument(
        "--without-cameras",
        action="store_true",
        help="data without cameras: every other image of a person is a match (usually: those by another camera)",
    )


def split_of(args: argparse.Namespace) -> SplitRule:
    """The choices of `add_split_options`."""
    return SplitRule(args.leave_one_out, args.without_cameras)
