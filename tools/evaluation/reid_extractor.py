"""A re-identification network of ours as an extractor: identity space, which needs no download."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from dgnet.core import pixels
from dgnet.core.checkpoint import file_hash, load_checkpoint, what_it_holds
from dgnet.core.errors import UserError
from dgnet.generation.load import find_generator
from dgnet.models.embedding import appearance_embedding, model_embedding, teacher_embedding
from dgnet.models.frozen import evaluating
from dgnet.models.model_file import KIND as HEAD
from dgnet.models.model_file import read_model_file
from dgnet.runs.find import run_folders, unknown_run
from dgnet.runs.load import KIND as GENERATOR
from dgnet.runs.loaded_generator import LoadedGenerator
from dgnet.training.teacher import KIND as TEACHER
from dgnet.training.teacher import load_teacher
from eval.images.extractor import Extractor
from tools.evaluation.run_data import own_weights

SPACE = "identity space"
ALPHA = 0.5


@dataclass(frozen=True)
class ReidExtractor(Extractor):
    """An extractor that tells whether the mirror image's features are `mirrored`, that is added."""

    mirrored: bool = True


def reid_extractor(
    named: str | Path, output: Path = Path(), device: torch.device | str = "cpu", mirrored: bool | None = None
) -> ReidExtractor:
    """The network of a run below `output/outputs`, of a run's folder, or of a file of weights of ours.

    A teacher (`tools/train_teacher.py`), a head (`tools/train.py`) or DG-Net's appearance encoder; images are resized
    as in its training, features have unit length and are those of image and mirrored image added or (`mirrored` False)
    of the image alone, by default as in `dgnet.models.embedding`. `UserError` for anything else.
    """
    path = _file(named, output)
    content = load_checkpoint(path) if path.is_file() else {"kind": GENERATOR}
    kind = content.get("kind")
    if kind == TEACHER:
        teacher = load_teacher(path, device)
        seen = mirrored is not False
        embed = teacher_embedding(teacher.network, seen)
        return of_network(f"teacher {_told(path)}", teacher.network, embed, teacher.height, teacher.width, seen)
    if kind == HEAD:
        head = read_model_file(path, device)
        seen = head.network.adds_mirror_image if mirrored is None else mirrored
        embed = model_embedding(head.network, seen)
        return of_network(f"head {_told(path)}", head.network, embed, head.height, head.width, seen)
    if kind == GENERATOR:
        found = find_generator(str(named), output, device=device)
        return encoder_extractor(found, found.name, mirrored is not False)
    raise UserError(f"{path}: must hold a teacher, a trained head or a DG-Net, {what_it_holds(content)}")


def encoder_extractor(stored: LoadedGenerator, name: str, mirrored: bool = True) -> ReidExtractor:
    """DG-Net's own appearance encoder."""
    encoder, size = stored.network.appearance, stored.config.data
    said = f"DG-Net's encoder of {name} after {stored.iteration} iterations, alpha {ALPHA}"
    return of_network(said, encoder, appearance_embedding(encoder, ALPHA, mirrored), size.height, size.width, mirrored)


def of_network(
    name: str, network: nn.Module, embed: Callable[[Tensor], Tensor], height: int, width: int, mirrored: bool
) -> ReidExtractor:
    """A module and what it makes (`embed`) of normalized images of that size; `mirrored` says what `embed` does."""
    device = next(network.parameters()).device

    def prepare(image: Tensor) -> Tensor:
        return pixels.resize(image[None], height, width)[0]

    def features(images: Tensor) -> Tensor:
        with evaluating(network):
            return embed(pixels.normalize(images.to(device)))

    view = "mirror image added" if mirrored else "image alone"
    return ReidExtractor(f"{name}, {view}, {height}x{width}", prepare, features, SPACE, mirrored)


def _told(path: Path) -> str:
    """A file in a metric's protocol: the same on every machine, and another one for other weights of the same name."""
    return f"{path.resolve().parent.name}/{path.name} ({file_hash(path)[:8]})"


def _file(named: str | Path, output: Path) -> Path:
    """The file of weights (of a run: its teacher or its head), or the folder of a run that has none but DG-Net's."""
    run = output / "outputs" / str(named)
    path = run if run.is_dir() else Path(named)
    if path.is_dir():
        return own_weights(path) or path
    if not path.is_file():
        known = [folder.name for folder in run_folders(output / "outputs")]
        raise unknown_run(str(named), "file of weights", known, output)
    return path
