"""`load_model`: any trained network of ours that embeds people, from its file or its run."""

import logging
from pathlib import Path

import torch

from dgnet.core.checkpoint import file_hash
from dgnet.core.errors import UserError
from dgnet.core.files import user_path
from dgnet.generation.load import load_generator
from dgnet.models.embedding import appearance_embedding, model_embedding
from dgnet.models.model_file import file_kind
from dgnet.models.read_model import read_model
from dgnet.models.reid_model import Option
from dgnet.runs.find import holds_generator, run_folders, unknown_run
from dgnet.runs.load import KIND as GENERATOR
from dgnet.runs.loaded_generator import LoadedGenerator
from dgnet.training.teacher import TEACHER_FILE
from reid_heads.loaded_model import LoadedModel
from reid_heads.training.best_checkpoint import LAST_FILE

# Weight of the fine-grained half in DG-Net's embedding, as the official code tests it.
ALPHA = 0.5
_log = logging.getLogger(__name__)


def load_model(
    path: str | Path,
    name: str | None = None,
    *,
    output: Path = Path(),
    device: torch.device | str = "cpu",
    mirrored: bool | None = None,
    **options: Option,
) -> LoadedModel:
    """A trained network that embeds people, in evaluation mode.

    Args:
        path: a trained re-ID model (`mAP_*.pth`, `last.pth`), a teacher (`teacher.pth`), a checkpoint of DG-Net (its
            appearance encoder embeds), the folder of any such run, the name of a run below `output/outputs`, or the
            file of another system's model.
        name: which model the file holds; needed for another system's file (`dgnet.models.read_model.read_model`).
        mirrored: whether the embedding of the mirror image is added; by default as in the model's publication.
        options: of another system's model, what its file does not tell (the pooling of MGN).

    Raises:
        UserError: nothing is there, or it is damaged, or holds no such network.

    Example:
        >>> import numpy as np
        >>> from reid_heads import load_model
        >>> model = load_model("outputs/bnneck")
        >>> images = np.zeros((4, 256, 128, 3), np.uint8)
        >>> model.embed(images).shape
        (4, 512)
    """
    path = find_weights(path, output)
    if path.is_dir() or file_kind(path) == GENERATOR:
        return appearance_model(load_generator(path, device=device), mirrored=mirrored is not False)
    stored = read_model(path, name, device, **options)
    network = stored.network.deployed().eval()
    adds = network.adds_mirror_image if mirrored is None else mirrored
    return LoadedModel(
        name=f"{network.name} {_described(path)}",
        network=network,
        embedding=model_embedding(network, adds),
        identities=stored.identities,
        height=stored.height,
        width=stored.width,
        mirrored=adds,
        path=path,
    )


def appearance_model(generator: LoadedGenerator, *, mirrored: bool = True, alpha: float = ALPHA) -> LoadedModel:
    """The appearance encoder of DG-Net, with the embedding of `dgnet.models.embedding.appearance_embedding`."""
    encoder, (height, width) = generator.network.appearance, generator.size
    return LoadedModel(
        name=f"DG-Net's encoder of {generator.name} after {generator.iteration} iterations, alpha {alpha:g}",
        network=encoder,
        embedding=appearance_embedding(encoder, alpha, mirrored),
        identities=generator.identities,
        height=height,
        width=width,
        mirrored=mirrored,
        path=generator.files[0] if generator.files else None,
    )


def find_weights(named: str | Path, output: Path = Path()) -> Path:
    """The file of weights that a path or a run's name stands for; of a run of DG-Net its folder.

    `UserError` where there is nothing of the kind.
    """
    run = output / "outputs" / str(named)
    path = run if run.is_dir() else user_path(named)
    if path.is_dir():
        return run_weights(path) or path
    if not path.is_file():
        known = [folder.name for folder in run_folders(output / "outputs")]
        raise unknown_run(str(named), "file of weights", known, output)
    return path


def find_reid_model(named: str | Path, output: Path = Path()) -> Path:
    """`find_weights` for what takes re-ID models alone. `UserError` for a run of DG-Net, too."""
    path = find_weights(named, output)
    if path.is_dir():
        what = "a run of DG-Net, whose encoder is not taken here" if holds_generator(path) else "no trained model in it"
        raise UserError(
            f"{path}: {what}; name a re-ID model, such as its teacher (NAME_teacher) or a run of tools/train.py"
        )
    return path


def run_weights(folder: Path) -> Path | None:
    """The trained model in a run's folder: its teacher, its best re-ID model, or (said in a warning) its last where no
    test told which is the best; None for a run of DG-Net.
    """
    if holds_generator(folder):
        return None
    if (folder / TEACHER_FILE).is_file():
        return folder / TEACHER_FILE
    best = sorted(folder.glob("mAP_*.pth"), key=lambda path: path.stat().st_mtime_ns)
    if best:
        if len(best) > 1:  # of other protocols, or of a run that was killed; the dates may be those of a copy
            others = ", ".join(path.name for path in best[:-1])
            _log.warning("warning: %s: its newest file is taken, %s, not %s", folder, best[-1].name, others)
        return best[-1]
    if not (folder / LAST_FILE).is_file():
        return None
    _log.warning("%s was not tested while it was trained: its last weights are taken, %s", folder, LAST_FILE)
    return folder / LAST_FILE


def _described(path: Path) -> str:
    """A file, as it stands beside results: the same on every machine, and another for other weights of that name."""
    return f"{path.resolve().parent.name}/{path.name} ({file_hash(path)[:8]})"
