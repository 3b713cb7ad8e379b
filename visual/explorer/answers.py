"""The results that the explorer shows: an interpolated image, its nearest real images, and its predicted identities."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from dgnet.core import pixels
from dgnet.core.calibration import Threshold
from dgnet.data.cache import ImageCache
from dgnet.data.records import Record
from dgnet.models.embedding import appearance_embedding
from dgnet.models.frozen import evaluating
from dgnet.models.swap import appearance_codes, decode_images, structure_codes
from dgnet.runs.loaded_generator import LoadedGenerator

_BATCH = 64  # images that are decoded for the network at a time


@contextmanager
def private_gradio() -> Iterator[Path]:
    """A block in which to import Gradio: without telemetry, and with its files in a folder that is removed afterwards.

    The folder is in memory (/dev/shm) where the system has that, readable for this user only.
    """
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="dgnet-explorer-", dir=memory if memory.is_dir() else None) as folder:
        os.environ |= {
            "GRADIO_TEMP_DIR": folder,
            "GRADIO_ANALYTICS_ENABLED": "False",
            "HF_HUB_DISABLE_TELEMETRY": "1",
        }
        yield Path(folder)


@dataclass(frozen=True)
class Blend:
    """One source or two, uint8 `[image, 3, height, width]`, and the weight of the second (0..1)."""

    images: UInt8[Tensor, "image 3 height width"]
    weight: float | int = 0.0


@dataclass(frozen=True)
class Neighbor:
    """A real image near a generated one, by the cosine of their appearance embeddings."""

    record: Record
    image: UInt8[Tensor, "3 height width"]
    similarity: float
    verdict: str = ""  # whether it is the same person; empty without a threshold


class Explorer:
    """A generator with real images to compare with; every answer depends on its arguments alone."""

    def __init__(
        self, run: LoadedGenerator, records: Sequence[Record], threshold: Threshold | None = None, note: str = ""
    ) -> None:
        """Decode and embed `records`; none are needed to swap. `UserError` for a damaged image.

        `threshold` tells the same person from another; `note` says what it was measured on, or why there is none.
        """
        self.run, self.records, self.threshold, self.note = run, tuple(records), threshold, note
        self._embed = appearance_embedding(run.network.appearance)
        self._cache = ImageCache([record.path for record in records])
        parts = torch.arange(len(records)).split(_BATCH) if records else ()  # nothing splits into one empty part
        rows = [torch.as_tensor(run.embed(self._cache.gather(part, *self.size))) for part in parts]
        features = torch.cat(rows) if records else None
        self._features = None if features is None else torch.nn.functional.normalize(features)

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of everything that is generated, in pixels."""
        return self.run.size

    def at_size(self, image: UInt8[Tensor, "3 _h _w"]) -> UInt8[Tensor, "3 height width"]:
        """An image as the networks see it."""
        return pixels.resize(image[None], *self.size)[0]

    def blend(self, appearance: Blend, structure: Blend) -> UInt8[Tensor, "3 height width"]:
        """The image whose codes lie between those of the sources: `(1 - weight) first + weight second`."""
        network = self.run.network
        appearances = _mixed(appearance_codes(network, appearance.images), appearance.weight)
        structures = _mixed(structure_codes(network, structure.images), structure.weight)
        return decode_images(network, appearances, structures)[0]

    @torch.no_grad()
    def nearest(self, image: UInt8[Tensor, "3 height width"], count: int) -> list[Neighbor]:
        """The `count` most similar real images, the most similar first; none where there are no records."""
        if self._features is None:
            return []
        with evaluating(self.run.network):
            feature = torch.nn.functional.normalize(self._embed(self._seen(image[None])).float().cpu())
        ranked = (self._features @ feature[0]).sort(descending=True, stable=True)
        return [
            Neighbor(
                self.records[place],
                self.at_size(self._cache.image(place)),
                similarity,
                self.threshold.verdict(similarity) if self.threshold else "",
            )
            for similarity, place in zip(ranked.values[:count].tolist(), ranked.indices.tolist(), strict=False)
        ]

    @torch.no_grad()
    def identities(self, image: UInt8[Tensor, "3 height width"], count: int) -> list[tuple[str, float]]:
        """The `count` training identities that are most probable for the appearance encoder, with probabilities."""
        network = self.run.network
        with evaluating(network):
            shares = network.appearance(self._seen(image[None])).primary.logits.float().softmax(1)[0].cpu()
        top = shares.sort(descending=True, stable=True)
        known = self.run.identities
        return [
            (f"identity {known[place]}" if known else f"class {place}", share)
            for share, place in zip(top.values[:count].tolist(), top.indices.tolist(), strict=False)
        ]

    def _seen(self, images: Tensor) -> Tensor:
        return pixels.normalize(images.to(self.run.device))


def _mixed(codes: Tensor, weight: float | int) -> Tensor:
    return codes if len(codes) == 1 else torch.lerp(codes[:1], codes[1:2], float(weight))
