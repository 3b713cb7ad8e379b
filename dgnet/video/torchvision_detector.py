"""torchvision's detectors, trained on COCO, with a local file of their weights."""

from pathlib import Path

import numpy as np
import torch
import torchvision
from torchvision.models import get_model, get_model_weights, list_models

from dgnet.core.errors import UserError
from dgnet.core.published_weights import check_sha256, published_sha256
from dgnet.core.weights import read_state_dict
from dgnet.video.boxes import Boxes, boxes_of
from dgnet.video.frames import Frame


def torchvision_detectors() -> list[str]:
    """Their names.

    >>> "ssdlite320_mobilenet_v3_large" in torchvision_detectors()
    True
    """
    return list_models(module=torchvision.models.detection)


class TorchvisionDetector:
    """The people that a detector of torchvision finds on a frame; it resizes and suppresses overlaps itself.

    Args:
        name: one of `torchvision_detectors()`.
        weights: torchvision's file of its weights; nothing is downloaded.
        min_score: below that a box is none.
        sha256: what the file's SHA-256 must begin with; by default the digits in the published name.

    Raises:
        UserError: another name, no such file, another file than that, or weights of another detector.
    """

    def __init__(
        self,
        name: str,
        weights: Path | None,
        min_score: float = 0.1,
        *,
        device: torch.device | str = "cpu",
        sha256: str | None = None,
    ) -> None:
        if name not in torchvision_detectors():
            raise UserError(f"the detector must be yolox or one of {', '.join(torchvision_detectors())}, got {name!r}")
        published = next(iter(get_model_weights(name)))
        if weights is None or not weights.is_file():
            place = "" if weights is None else f"{weights}: no such file; "
            raise UserError(f"{place}{name} needs the file {published.url}, fetch it and name it by --weights")
        check_sha256(weights, published_sha256(published.url) if sha256 is None else sha256)
        categories = published.meta["categories"]
        self._model = get_model(name, weights=None, weights_backbone=None, num_classes=len(categories))
        try:
            self._model.load_state_dict(read_state_dict(weights))
        except RuntimeError as error:
            raise UserError(f"{weights}: weights of another detector than {name}") from error
        self._model.to(device).eval()
        self._device, self._least, self._person = device, min_score, categories.index("person")
        self.name = f"{name}, {weights.name}, scores from {min_score:g}"

    @torch.inference_mode()
    def boxes(self, frame: Frame) -> Boxes:
        """The boxes in the picture's own pixels, the best first."""
        picture = frame.read()
        if picture is None:
            return boxes_of(np.zeros((0, 4)))
        image = torch.from_numpy(picture).permute(2, 0, 1).to(self._device).float() / 255
        found = self._model([image])[0]
        people = (found["labels"] == self._person) & (found["scores"] >= self._least)
        corners = found["boxes"][people].double().cpu().numpy()
        places = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], 1)
        return boxes_of(places, found["scores"][people].double().cpu().numpy())

    def remarks(self, frames: int) -> list[str]:
        """None."""
        return []
