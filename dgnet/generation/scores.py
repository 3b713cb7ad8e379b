"""What is found out about a generated image: who a classifier says it shows, how real and how sharp it looks."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from dgnet.core import pixels
from dgnet.core.checkpoint import load_checkpoint
from dgnet.core.device import Precision, PrecisionName
from dgnet.generation.engine import Generated, placed, places
from dgnet.models.build import build_discriminator
from dgnet.models.discriminator import MultiScaleDiscriminator
from dgnet.models.frozen import evaluating
from dgnet.official.release import read_released
from dgnet.runs.find import is_official
from dgnet.runs.loaded_generator import LoadedGenerator
from dgnet.training.teacher import StoredTeacher

TOP = 5
_LAPLACIAN = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))


@dataclass(frozen=True)
class Scores:
    """What the manifest says of one image; None where nobody could tell.

    - `soft_label`: the likeliest identities and their probabilities, "2:0.9130 14:0.0512": the classifier's softmax,
      mean over image and mirrored image, batch norm with its running statistics.
    - `identity_consistency`: of these probabilities that of the identity that lent its appearance, 0..1.
    - `realism`: mean of the discriminator's answers over places, then scales; it learned 1 for real and 0 for generated
      images (a least-squares discriminator; an nsGAN's answers go through a sigmoid).
    - `sharpness`: variance of the Laplacian of the mean over channels, in gray levels squared: low is blurred
      (Pech-Pacheco et al., ICPR 2000).
    """

    soft_label: str
    identity_consistency: float | None
    realism: float | None
    sharpness: float


class Judge:
    """Scores images; the networks see batches of one shape, as in `dgnet.generation.engine`.

    Args:
        teacher: who gives the soft labels; without one the generator's own primary classifier does.
        discriminator: who gives the realism; None where there is none.
        same_people: the sources' identities are those of the training; otherwise like numbers are not like people.

    Where nobody knows which identity an output stands for (a run of the original release without its data set), there
    are no labels.
    """

    def __init__(
        self,
        stored: LoadedGenerator,
        teacher: StoredTeacher | None,
        discriminator: MultiScaleDiscriminator | None,
        precision: PrecisionName,
        same_people: bool = True,
    ) -> None:
        self._stored, self._teacher, self._discriminator = stored, teacher, discriminator
        self.identities = stored.identities if teacher is None else teacher.identities
        self.device = next(stored.network.parameters()).device
        self._position = {identity: index for index, identity in enumerate(self.identities)} if same_people else {}
        self._precision = Precision(precision, self.device)

    def scores(self, generated: Generated, appearances: Sequence[int]) -> list[Scores]:
        """The scores of each image; `appearances` are the identities that lent theirs."""
        count = places(self.device)
        where = {position: index for index, position in enumerate(generated.positions)}
        found: dict[int, Scores] = {}
        for row in placed(generated.positions, count):
            images = torch.zeros(count, *generated.images.shape[1:], dtype=torch.uint8)
            for place, position in enumerate(row):
                if position is not None:
                    images[place] = generated.images[where[position]]
            probabilities, realism = self._ask(images)
            sharp = sharpness(images)
            for place, position in enumerate(row):
                if position is not None:
                    label = None if probabilities is None else probabilities[place]
                    real = None if realism is None else round(float(realism[place]), 4)
                    found[position] = self._one(label, appearances[where[position]], real, float(sharp[place]))
        return [found[position] for position in generated.positions]

    def _one(self, label: Tensor | None, appearance: int, realism: float | None, sharp: float) -> Scores:
        if label is None:
            return Scores("", None, realism, round(sharp, 2))
        best = label.topk(min(TOP, len(label)))
        entries = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        text = " ".join(f"{self.identities[index]}:{value:.4f}" for index, value in entries)
        own = self._position.get(appearance)
        return Scores(text, None if own is None else round(float(label[own]), 4), realism, round(sharp, 2))

    @torch.inference_mode()
    def _ask(
        self, images: UInt8[Tensor, "place 3 height width"]
    ) -> tuple[Float[Tensor, "place identity"] | None, Float[Tensor, "place"] | None]:
        normalized = pixels.normalize(images.to(self.device)).contiguous(memory_format=torch.channels_last)
        probabilities = self._probabilities(images, normalized) if self.identities else None
        if self._discriminator is None:
            return probabilities, None
        with evaluating(self._discriminator), self._precision.autocast():
            answers = [answer.float() for answer in self._discriminator(normalized)]
        if self._stored.config.discriminator.kind == "nsgan":
            answers = [answer.sigmoid() for answer in answers]
        return probabilities, torch.stack([answer.mean(dim=(1, 2, 3)) for answer in answers]).mean(0).cpu()

    def _probabilities(self, images: Tensor, normalized: Tensor) -> Float[Tensor, "place identity"]:
        network: nn.Module = self._stored.network.appearance
        if self._teacher is not None:
            network = self._teacher.network
            if images.shape[2:] != (self._teacher.height, self._teacher.width):
                resized = pixels.resize(images, self._teacher.height, self._teacher.width)
                normalized = pixels.normalize(resized.to(self.device)).contiguous(memory_format=torch.channels_last)
        views = []
        with evaluating(network), self._precision.autocast():
            for view in (normalized, normalized.flip(3)):
                answer = network(view)
                views.append((answer.primary if self._teacher is None else answer).logits.double().softmax(1))
        return torch.stack(views).mean(0).cpu()


def sharpness(images: UInt8[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch"]:
    """Variance of the Laplacian of the mean over channels, gray levels squared; the border is left out."""
    gray = images.float().mean(1, keepdim=True)
    edges = F.conv2d(gray, torch.tensor(_LAPLACIAN).view(1, 1, 3, 3))
    return edges.var(dim=(1, 2, 3), correction=0)


def load_discriminator(run: Path, checkpoint: Path, stored: LoadedGenerator) -> MultiScaleDiscriminator:
    """The discriminator that was trained with a generator, on its device, in evaluation mode.

    `run` is the generator's folder, `checkpoint` its file (of an original release: any of its files).
    """
    device = next(stored.network.parameters()).device
    state = (
        read_released(run, stored.iteration).discriminator
        if is_official(run)
        else load_checkpoint(checkpoint, "cpu")["discriminator"]
    )
    discriminator = build_discriminator(stored.config)
    discriminator.load_state_dict(state)
    return discriminator.to(device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
