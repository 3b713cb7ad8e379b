"""Scores of a generated image: identity by a classifier, realism by the discriminator, sharpness."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from dgnet.core import pixels
from dgnet.core.checkpoint import fitting, load_checkpoint
from dgnet.core.device import Precision, PrecisionName
from dgnet.generation.engine import GeneratedBatch, batch_slots, fixed_slots
from dgnet.models.build import build_discriminator
from dgnet.models.discriminator import MultiScaleDiscriminator
from dgnet.models.frozen import evaluating
from dgnet.models.model_file import StoredModel
from dgnet.official.release import read_official
from dgnet.runs.find import is_official
from dgnet.runs.loaded_generator import LoadedGenerator

TOP = 5
_LAPLACIAN = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))


@dataclass(frozen=True)
class Scores:
    """Scores of one image; None where they are not known.

    - `soft_label`: the likeliest identities and their probabilities, "2:0.9130 14:0.0512": the classifier's softmax,
      mean over image and mirrored image, batch norm with its running statistics.
    - `identity_consistency`: the probability of the appearance's identity, 0..1.
    - `realism`: mean of the discriminator's output over positions, then scales; it was trained to 1 for real and 0 for
      generated images (a least-squares discriminator; of an nsGAN the sigmoid).
    - `sharpness`: variance of the Laplacian of the mean over channels, in gray levels squared: low is blurred
      (Pech-Pacheco et al., ICPR 2000).
    """

    soft_label: str
    identity_consistency: float | None
    realism: float | None
    sharpness: float


class ImageScorer:
    """Scores images; the networks see batches of one shape, as in `dgnet.generation.engine`.

    Args:
        teacher: gives the soft labels; without one the generator's own primary classifier does.
        discriminator: gives the realism.
        same_identities: the sources have the identities of the training; otherwise equal numbers are different people.

    There are no labels where it is unknown which identity a class stands for (an official run without its data set).
    """

    def __init__(
        self,
        generator: LoadedGenerator,
        teacher: StoredModel | None,
        discriminator: MultiScaleDiscriminator,
        precision: PrecisionName,
        same_identities: bool = True,
    ) -> None:
        self._generator, self._teacher, self._discriminator = generator, teacher, discriminator
        self.identities = generator.identities if teacher is None else teacher.identities
        self.device = generator.device
        self._position = {identity: index for index, identity in enumerate(self.identities)} if same_identities else {}
        self._precision = Precision(precision, self.device)

    def scores(self, generated: GeneratedBatch, identities: Sequence[int]) -> list[Scores]:
        """The scores of each image; `identities` are those of the appearances."""
        slots = batch_slots(self.device)
        row = {position: index for index, position in enumerate(generated.positions)}
        scores: dict[int, Scores] = {}
        for batch in fixed_slots(generated.positions, slots):
            images = torch.zeros(slots, *generated.images.shape[1:], dtype=torch.uint8)
            for slot, position in enumerate(batch):
                if position is not None:
                    images[slot] = generated.images[row[position]]
            probabilities, realism = self._outputs(images)
            sharp = sharpness(images)
            for slot, position in enumerate(batch):
                if position is not None:
                    label = None if probabilities is None else probabilities[slot]
                    identity = identities[row[position]]
                    scores[position] = self._rounded(label, identity, float(realism[slot]), float(sharp[slot]))
        return [scores[position] for position in generated.positions]

    def _rounded(self, label: Tensor | None, identity: int, realism: float, sharp: float) -> Scores:
        if label is None:
            return Scores("", None, round(realism, 4), round(sharp, 2))
        best = label.topk(min(TOP, len(label)))
        entries = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        text = " ".join(f"{self.identities[index]}:{value:.4f}" for index, value in entries)
        own = self._position.get(identity)
        consistency = None if own is None else round(float(label[own]), 4)
        return Scores(text, consistency, round(realism, 4), round(sharp, 2))

    @torch.inference_mode()
    def _outputs(
        self, images: UInt8[Tensor, "slot 3 height width"]
    ) -> tuple[Float[Tensor, "slot identity"] | None, Float[Tensor, "slot"]]:
        normalized = pixels.normalize(images.to(self.device)).contiguous(memory_format=torch.channels_last)
        probabilities = self._probabilities(images, normalized) if self.identities else None
        with evaluating(self._discriminator), self._precision.autocast():
            outputs = [output.float() for output in self._discriminator(normalized)]
        if self._generator.config.discriminator.kind == "nsgan":
            outputs = [output.sigmoid() for output in outputs]
        return probabilities, torch.stack([output.mean(dim=(1, 2, 3)) for output in outputs]).mean(0).cpu()

    def _probabilities(self, images: Tensor, normalized: Tensor) -> Float[Tensor, "slot identity"]:
        network: nn.Module = self._generator.network.appearance
        if self._teacher is not None:
            network = self._teacher.network
            if images.shape[2:] != (self._teacher.height, self._teacher.width):
                resized = pixels.resize(images, self._teacher.height, self._teacher.width)
                normalized = pixels.normalize(resized.to(self.device)).contiguous(memory_format=torch.channels_last)
        views = []
        with evaluating(network), self._precision.autocast():
            for view in (normalized, normalized.flip(3)):
                output = network(view)
                logits = output.primary.logits if self._teacher is None else output.mean_logits
                views.append(logits.double().softmax(1))
        return torch.stack(views).mean(0).cpu()


def sharpness(images: UInt8[Tensor, "batch 3 height width"]) -> Float[Tensor, "batch"]:
    """Variance of the Laplacian of the mean over channels, gray levels squared; the border is left out."""
    gray = images.float().mean(1, keepdim=True)
    edges = F.conv2d(gray, torch.tensor(_LAPLACIAN).view(1, 1, 3, 3))
    return edges.var(dim=(1, 2, 3), correction=0)


def load_discriminator(generator: LoadedGenerator) -> MultiScaleDiscriminator:
    """The discriminator that was trained with a generator, on its device, in evaluation mode."""
    folder = generator.files[0].resolve().parent.parent
    state = (
        read_official(folder, generator.iteration).discriminator
        if is_official(folder)
        else load_checkpoint(generator.files[0], "cpu")["discriminator"]
    )
    discriminator = build_discriminator(generator.config)
    with fitting(generator.files[0]):
        discriminator.load_state_dict(state)
    return discriminator.to(generator.device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
