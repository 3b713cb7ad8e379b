"""What a set of built-in pedestrians holds: its specification, its file names, and the picture behind each name."""

import dataclasses
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dgnet.core.errors import UserError
from dgnet.core.json_files import parse_json
from dgnet.data.pedestrians.appearance import Appearance, appearance_of
from dgnet.data.pedestrians.structure import Structure, badly_cropped, structure_of
from dgnet.data.records import DISTRACTOR, JUNK

FORMAT = 3  # raised whenever the same specification would give other pixels
MANIFEST = "synthetic.json"
TRAIN, QUERY, GALLERY = "bounding_box_train", "query", "bounding_box_test"

_FIRST_DISTRACTOR, _FIRST_JUNK = 1_000_000, 2_000_000  # people who are no identity of the set


@dataclass(frozen=True)
class SyntheticSpec:
    """A set of built-in pedestrians. The same specification gives the same files, byte for byte.

    `images_per_identity` are spread over the `cameras`; `camera_seed` draws where the cameras stand, their light and
    scenes (another one is another place: a domain shift); `distractors` are gallery images of other people (identity
    0000), `junk` gallery images of badly cropped people (identity -1). `height`, `width` in pixels.
    """

    seed: int = 0
    train_identities: int = 100
    test_identities: int = 50
    images_per_identity: int = 12
    cameras: int = 6
    height: int = 128
    width: int = 64
    distractors: int = 60
    junk: int = 20
    camera_seed: int = 0

    def check(self) -> None:
        """Raise UserError for a number that no set can have."""
        least = {"images_per_identity": 2, "cameras": 2, "height": 16, "width": 8}
        most = {"height": 4096, "width": 4096}  # a picture is rendered whole, in many planes
        for name, value in dataclasses.asdict(self).items():
            if not isinstance(value, int) or not least.get(name, 0) <= value <= most.get(name, value):
                allowed = f"at least {least.get(name, 0)}" + (f" and at most {most[name]}" if name in most else "")
                raise UserError(f"{name} must be a whole number of {allowed}, got {value!r}")
        if self.train_identities + self.test_identities > 9999:
            raise UserError(
                "train_identities + test_identities must be at most 9999 (four digits in a file name), "
                f"got {self.train_identities + self.test_identities}"
            )


@dataclass(frozen=True)
class Picture:
    """One file of a set. `person` draws the clothes: the identity, but distractors and junk are people of their own."""

    path: str  # relative to the set's root, with forward slashes
    identity: int
    camera: int
    index: int
    person: int

    def factors(self, spec: SyntheticSpec) -> tuple[Appearance, Structure]:
        """What to render for this file."""
        structure = structure_of(spec.seed, self.person, self.camera, self.index, spec.cameras, spec.camera_seed)
        if self.identity == JUNK:
            structure = badly_cropped(structure)
        return appearance_of(spec.seed, self.person), structure


def _picture(folder: str, identity: int, camera: int, index: int, person: int, frame: int) -> Picture:
    label = "-1" if identity == JUNK else f"{identity:04d}"
    return Picture(f"{folder}/{label}_c{camera}s1_{frame:06d}_00.png", identity, camera, index, person)


def pictures(spec: SyntheticSpec) -> Iterator[Picture]:
    """Every file of the set: training identities 1 .. n, test identities after them, then distractors and junk.

    An identity's images go around the cameras, starting at its own. The first image of a test identity by each camera
    is a query when the camera has another; with too few images for that, the identity's first image is the only query.
    """
    for identity in range(1, spec.train_identities + spec.test_identities + 1):
        seen: dict[int, int] = {}
        for number in range(spec.images_per_identity):
            camera = (identity + number) % spec.cameras + 1
            index = seen.get(camera, 0)
            seen[camera] = index + 1
            spare = spec.images_per_identity - number > spec.cameras  # the same camera comes again
            asks = index == 0 and (spare or number == 0)
            folder = TRAIN if identity <= spec.train_identities else QUERY if asks else GALLERY
            yield _picture(folder, identity, camera, index, identity, index + 1)
    for first, count, identity in ((_FIRST_DISTRACTOR, spec.distractors, DISTRACTOR), (_FIRST_JUNK, spec.junk, JUNK)):
        for number in range(count):
            yield _picture(GALLERY, identity, number % spec.cameras + 1, 0, first + number, number + 1)


def to_manifest(spec: SyntheticSpec) -> str:
    """The text of `synthetic.json`: format, specification, and each file's [identity, camera, index, person]."""
    files = {one.path: [one.identity, one.camera, one.index, one.person] for one in pictures(spec)}
    lines = ",\n".join(f"    {json.dumps(path)}: {json.dumps(factors)}" for path, factors in sorted(files.items()))
    head = json.dumps(dataclasses.asdict(spec))
    return f'{{\n  "format": {FORMAT},\n  "spec": {head},\n  "files": {{\n{lines}\n  }}\n}}\n'


def from_manifest(root: Path) -> tuple[SyntheticSpec, dict[str, Picture]]:
    """Specification and files of the set in `root`. Raises UserError when it is none, or of another format."""
    path = root / MANIFEST
    try:
        content: Any = parse_json(path.read_text())
    except FileNotFoundError:
        raise UserError(
            f"{root} must be a folder that tools/make_synthetic.py wrote, but it has no {MANIFEST}"
        ) from None
    except ValueError as error:
        raise UserError(
            f"{path} must be the JSON that tools/make_synthetic.py wrote, got other text: {error}"
        ) from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        stored = content.get("format") if isinstance(content, dict) else type(content).__name__
        raise UserError(f"{path} must have format {FORMAT}, got {stored!r}: render the set again in a new folder")
    try:
        spec = SyntheticSpec(**content["spec"])
        files = {name: Picture(name, *factors) for name, factors in content["files"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} must hold a specification and a list of files, got something else: {error}") from None
    return spec, files
