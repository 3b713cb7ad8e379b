"""A batch -> the codes of its anchors and positives: in the paper's way, and with part colors."""

import torch
from torch import Tensor

from dgnet.config import Config
from dgnet.core import pixels
from dgnet.core.device import Precision
from dgnet.models.appearance import AppearanceOutput
from dgnet.models.generator import Generator
from dgnet.training.batch import JointBatch
from dgnet.training.codes import Codes, by_half
from dgnet.training.cut import Cut
from dgnet.training.schedule import LossWeights


class BatchEncoder:
    """The paper's: structure codes of the anchors, appearance codes of anchors and positives.

    A pass updates batch-norm statistics.
    """

    def __init__(self, generator: Generator, precision: Precision, config: Config) -> None:
        self.generator = generator
        self.precision = precision
        self.settings = config.short_training
        self.codes_have_gradient = config.short_training.detach_codes == "never"

    def __call__(self, batch: JointBatch, weights: LossWeights) -> Codes:
        """The codes that a term with a weight above 0 needs."""
        anchors, positives = (pair.flatten(0, 1) for pair in batch.real.split(2))
        # Without random erasing the identity terms share these passes.
        classifies = batch.erased is None and weights.need_identities
        with self.precision.autocast():
            return self.codes(anchors, positives, weights, classifies)

    def codes(self, anchors: Tensor, positives: Tensor, weights: LossWeights, classifies: bool) -> Codes:
        """The codes of images a and b `[2 * batch, 3, height, width]`; `classifies`: the identity terms need them."""
        structure = Cut(self.structure_code(anchors))
        anchor = self.appearance(anchors, classifies) if weights.need_anchor_codes else None
        # Positives are encoded at any weight, because the pass updates batch-norm statistics.
        positive = self.appearance(positives, classifies and weights.positive_identity > 0)
        anchor_code = None if anchor is None else Cut(self.code_of(anchor))
        positive_code = Cut(self.code_of(positive))
        return Codes(
            structure,
            anchor=anchor_code,
            positive=positive_code,
            anchor_styles=self.styles(anchor_code),
            # They are decoded only where this term needs it.
            positive_styles=self.styles(positive_code if weights.same_identity_reconstruction > 0 else None),
            classified=[anchor, positive] if classifies else None,
        )

    def structure_code(self, images: Tensor) -> Tensor:
        """Of real images, of which the structure encoder may see other colors and not all."""
        recolored = pixels.mix_colors(images) if self.settings.mix_colors else images
        return self.generator.encode_structure(images, recolored, self.settings.hide_structure)

    def appearance(self, images: Tensor, classified: bool) -> AppearanceOutput:
        """The appearance encoder's pass; without a graph where no term needs one."""
        with torch.set_grad_enabled(classified or self.codes_have_gradient):
            return by_half(self.generator.appearance, self.settings.merge_batch_statistics, images)

    def code_of(self, output: AppearanceOutput) -> Tensor:
        """The appearance encoder's code, with its gradient where the settings ask for it."""
        return output.code if self.codes_have_gradient else output.code.detach()

    def styles(self, code: Cut | None) -> Cut | None:
        """What the decoder makes of an appearance code."""
        return None if code is None else Cut(self.generator.decoder.styles(code.leaf))


class PartBatchEncoder(BatchEncoder):
    """With part colors (`dgnet.models.parts`): structure codes of anchors and positives, and the colors of their parts.

    The appearance encoder's own code does not enter the image and has no gradient; it is computed only where a term
    compares or classifies it.
    """

    def __init__(self, generator: Generator, precision: Precision, config: Config) -> None:
        super().__init__(generator, precision, config)
        self.codes_have_gradient = False

    def codes(self, anchors: Tensor, positives: Tensor, weights: LossWeights, classifies: bool) -> Codes:
        """As for `BatchEncoder`."""
        # Batch norm sees all of them.
        all_structures = Cut(self.structure_code(torch.cat([anchors, positives])))
        structure, positive_structure = map(Cut, all_structures.leaf.chunk(2))
        anchor = self.appearance(anchors, classifies) if classifies or weights.need_swapped_images else None
        positive = self.appearance(positives, True) if classifies and weights.positive_identity > 0 else None
        anchor_code = self.code_with_colors(anchor, anchors, structure)
        positive_code = self.code_with_colors(positive, positives, positive_structure)
        return Codes(
            structure,
            positive_structure=positive_structure,
            all_structures=all_structures,
            anchor=anchor_code,
            positive=positive_code,
            anchor_styles=self.styles(anchor_code),
            positive_styles=self.styles(positive_code),
            classified=[anchor, positive] if classifies else None,
        )

    def code_with_colors(self, output: AppearanceOutput | None, images: Tensor, structure: Cut) -> Cut:
        """The appearance encoder's code, if there is one, and the part colors behind it."""
        code = None if output is None else self.code_of(output)
        return Cut(self.generator.with_colors(code, images, structure.leaf))
