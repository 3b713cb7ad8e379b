"""The loss terms of real images: reconstruction and identity."""

import torch
import torch.nn.functional as F

from dgnet.config import Config
from dgnet.losses.identity import identity_loss
from dgnet.losses.reconstruction import image_reconstruction_loss
from dgnet.models.appearance import AppearanceOutput
from dgnet.models.generator import Generator
from dgnet.training.backward_terms import BackwardTerms
from dgnet.training.batch import JointBatch
from dgnet.training.codes import Codes, by_half
from dgnet.training.schedule import LossWeights


class RealImageTerms:
    """Each method computes one or two terms that share a forward pass, and runs their backward pass to the cuts."""

    def __init__(self, generator: Generator, config: Config) -> None:
        self.generator, self.config = generator, config
        self.merged = config.short_training.merge_batch_statistics

    def reconstruction_terms(
        self, batch: JointBatch, codes: Codes, weights: LossWeights, backward_terms: BackwardTerms
    ) -> None:
        """Anchors decoded from their own structure (Eqs. 1 and 2); trains the structure encoder and the decoder.

        Where the structure of the positives is known, too, these are decoded likewise, and a term is the mean of both.
        """
        short = self.config.short_training
        structures = [codes.structure, codes.positive_structure]
        own = [codes.anchor_styles, codes.positive_styles]
        for name, styles in (
            # Pushes an image's structure and appearance to decode to the image itself.
            ("self_reconstruction", own),
            # Pushes its structure and the appearance of its positive to decode to the image, too.
            ("same_identity_reconstruction", own[::-1]),
        ):
            if getattr(weights, name) == 0:
                continue
            losses = []
            for images, structure, style in zip(batch.real.split(2), structures, styles, strict=True):
                if structure is not None and style is not None:
                    decoded = self.generator.decoder.reconstruct(structure.leaf, style.leaf)
                    # Part colors decode at the masks' size.
                    stride = images.shape[-1] // decoded.shape[-1]
                    real = F.avg_pool2d(images.flatten(0, 1), stride) if stride > 1 else images.flatten(0, 1)
                    losses.append(image_reconstruction_loss(decoded, real, short.image_norm, short.edge_weight))
            backward_terms(**{name: torch.stack(losses).mean(0) if len(losses) > 1 else losses[0]})

    def identity_terms(
        self, batch: JointBatch, codes: Codes, weights: LossWeights, backward_terms: BackwardTerms
    ) -> None:
        """Classification of real images, or of their erased copies; trains the appearance encoder."""
        labels = batch.labels.flatten()
        # Where the codes have a gradient, too, it passes through the same graph at the end.
        retain_graph = codes.classified is not None and self.config.short_training.detach_codes == "never"

        def classified(position: int) -> AppearanceOutput:
            if codes.classified is not None:
                output = codes.classified[position]
                assert output is not None
                return output
            assert batch.erased is not None
            return by_half(self.generator.appearance, self.merged, batch.erased.split(2)[position].flatten(0, 1))

        anchor = classified(0)
        backward_terms(
            retain_graph,
            # Pushes both classifiers of an anchor to its identity. The fine-grained classifier goes backward at
            # weight 0, too: with a gradient of zeros, weight decay acts on it as in the official code.
            identity=identity_loss(anchor.primary.logits, labels),
            identity_fine_grained=identity_loss(anchor.fine.logits, labels),
        )
        if weights.positive_identity > 0:
            # Pushes the primary classifier of a positive to its identity.
            backward_terms(retain_graph, positive_identity=identity_loss(classified(1).primary.logits, labels))
