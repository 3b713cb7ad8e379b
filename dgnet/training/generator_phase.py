"""The generator phase of the joint step: the loss terms of the generator and the appearance encoder.

Each method computes one term or two that share a forward pass, and runs their backward pass down to the cuts of
`dgnet.training.codes`.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from dgnet.config import Config
from dgnet.core.device import Precision
from dgnet.losses.adversarial import generator_loss
from dgnet.losses.identity import identity_loss
from dgnet.losses.reconstruction import reconstruction_loss
from dgnet.losses.sharpness import sharpness_loss
from dgnet.losses.soft_label import soft_label_loss
from dgnet.models.appearance import AppearanceOutput
from dgnet.models.discriminator import MultiScaleDiscriminator
from dgnet.models.frozen import evaluating, frozen
from dgnet.models.generator import Generator
from dgnet.training.batch import JointBatch
from dgnet.training.codes import Codes, by_half, exchange_halves
from dgnet.training.cut import Cut
from dgnet.training.record import Terms, detached
from dgnet.training.schedule import LossWeights
from dgnet.training.teacher_ensemble import TeacherEnsemble

# Weighted backward pass of some terms, each `[2]` (a, b): `backward_terms(retain_graph, inputs, name=values, ...)`.
BackwardTerms = Callable[..., None]


class GeneratorPhase:
    """Adds the gradients of all terms to the parameters of the generator; keeps nothing between calls."""

    def __init__(
        self,
        generator: Generator,
        discriminator: MultiScaleDiscriminator,
        teachers: TeacherEnsemble,
        precision: Precision,
        config: Config,
    ) -> None:
        self.generator, self.discriminator, self.teachers = generator, discriminator, teachers
        self.precision, self.config = precision, config
        self.merged = config.short_training.merge_batch_statistics

    def __call__(
        self,
        batch: JointBatch,
        codes: Codes,
        swapped: Cut | None,
        weights: LossWeights,
        train_structure_encoder: bool,
        batch_fraction: float,
    ) -> Terms:
        """Every term backward to its cut, then the summed gradients from the cuts into the networks.

        Args:
            swapped: the swapped images; None where no term uses them.
            batch_fraction: of the whole batch; below 1 where gradients are accumulated over its parts.
        """
        terms: Terms = {}

        def backward_terms(
            retain_graph: bool = False, inputs: Iterable[Tensor] | None = None, /, **losses: Tensor
        ) -> None:
            terms.update(detached(losses))
            total = torch.stack([getattr(weights, name) * values.sum() for name, values in losses.items()]).sum()
            # Where codes are detached, `appearance_code` has a value but no gradient.
            if total.requires_grad:
                self.precision.backward(batch_fraction * total, retain_graph, inputs)

        # One context for all terms, so that weights are cast to the precision of the step once.
        with self.precision.autocast():
            if swapped is not None and weights.adversarial > 0:
                self.adversarial_term(swapped, backward_terms)
            self.reconstruction_terms(batch, codes, weights, backward_terms)
            if weights.sharpness > 0:
                self.sharpness_term(batch, codes, backward_terms)
            if weights.need_identities:
                self.identity_terms(batch, codes, weights, backward_terms)
            if swapped is not None:
                swapped_code = None
                if self.cycle_takes_code(weights) or max(weights.generated_identity, weights.appearance_code) > 0:
                    swapped_code = self.appearance_terms(batch, codes, swapped, weights, backward_terms)
                if weights.structure_code > 0 or weights.cycle > 0:
                    self.structure_and_cycle_terms(
                        batch, codes, swapped, swapped_code, weights, train_structure_encoder, backward_terms
                    )
                if weights.soft_label > 0 or weights.fine_grained > 0:
                    self.teacher_terms(batch, swapped.source.detach(), backward_terms)
        styles = (codes.anchor_styles, codes.positive_styles)
        # Part colors send theirs into the structure codes that say where they are read.
        structures = (codes.structure, codes.positive_structure, codes.all_structures)
        for cut in (swapped, *styles, codes.anchor, codes.positive, *structures):
            if cut is not None:
                cut.backward_upstream()
        return terms

    def cycle_takes_code(self, weights: LossWeights) -> bool:
        """Whether the cycle decodes the appearance encoder's code of swapped images; part colors need none."""
        return weights.cycle > 0 and not self.generator.has_parts

    def adversarial_term(self, swapped: Cut, backward_terms: BackwardTerms) -> None:
        """The adversarial loss of a frozen discriminator; its gradient goes into the swapped images."""
        scores = frozen(self.discriminator)(swapped.leaf)
        # Pushes swapped images to look real to the discriminator.
        backward_terms(adversarial=generator_loss(scores, self.config.discriminator.kind))

    def reconstruction_terms(
        self, batch: JointBatch, codes: Codes, weights: LossWeights, backward_terms: BackwardTerms
    ) -> None:
        """Anchors decoded from their own structure (Eqs. 1 and 2); trains the structure encoder and the decoder.

        Where the structure of the positives is known, too, these are decoded likewise, and a term is the mean of both.
        """
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
                    real = images.flatten(0, 1)
                    losses.append(reconstruction_loss(decoded, real, self.config.short_training.image_norm))
            backward_terms(**{name: torch.stack(losses).mean(0) if len(losses) > 1 else losses[0]})

    def sharpness_term(self, batch: JointBatch, codes: Codes, backward_terms: BackwardTerms) -> None:
        """Gradient energy of swapped images against that of the images whose structure they have (not the paper's)."""
        assert codes.anchor_styles is not None
        structure = exchange_halves(codes.structure.leaf)
        swapped = self.generator.decoder.reconstruct(structure, codes.anchor_styles.leaf)
        # Pushes the decoder to draw edges as strong as those of real images, where the mean of the possible is blurred.
        backward_terms(sharpness=sharpness_loss(swapped, exchange_halves(batch.real[:2].flatten(0, 1))))

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

    def appearance_terms(
        self,
        batch: JointBatch,
        codes: Codes,
        swapped: Cut,
        weights: LossWeights,
        backward_terms: BackwardTerms,
    ) -> Tensor:
        """Losses of a frozen appearance encoder; their gradient goes into the swapped images. Returns their codes.

        By default these codes are detached, as in the official code (`short_training.detach_codes`): the term
        `appearance_code` then has a value, which is logged, but no gradient.
        """
        assert codes.anchor is not None
        detach = self.config.short_training.detach_codes == "always"
        batch_statistics = self.config.loss.batch_statistics_when_frozen
        with evaluating(self.generator.appearance, batch_statistics):
            encode = frozen(self.generator.appearance)
            output = by_half(encode, self.merged, swapped.leaf) if batch_statistics else encode(swapped.leaf)
        code: Tensor = output.code.detach() if detach else output.code
        losses = {}
        if weights.generated_identity > 0:
            # Pushes a swapped image to be classified as the identity of its appearance.
            losses["generated_identity"] = identity_loss(output.primary.logits, batch.labels.flatten())
        if weights.appearance_code > 0:
            # Pushes its appearance code to the code that it was decoded from (Eq. 4).
            losses["appearance_code"] = reconstruction_loss(code, codes.anchor.leaf.detach()[:, : code.shape[1]])
        if losses:
            backward_terms(not detach and self.cycle_takes_code(weights), **losses)
        return code

    def structure_and_cycle_terms(
        self,
        batch: JointBatch,
        codes: Codes,
        swapped: Cut,
        swapped_code: Tensor | None,
        weights: LossWeights,
        train_structure_encoder: bool,
        backward_terms: BackwardTerms,
    ) -> None:
        """Structure of the swapped images, and the swapped images decoded back to the anchors (cycle consistency).

        Trains the decoder, and either the structure encoder or, through a frozen one, the swapped images.
        """
        encode = self.generator.structure if train_structure_encoder else frozen(self.generator.structure)
        images = swapped.leaf.detach() if train_structure_encoder else swapped.leaf
        # Running statistics are those of real images.
        with evaluating(self.generator.structure, batch_statistics=True):
            own_structure = encode(*self.generator.structure_inputs(images))
        structure = exchange_halves(own_structure)
        losses = {}
        if weights.structure_code > 0:
            # Pushes the structure code of a swapped image to the code that it was decoded from (Eq. 5).
            learned = self.generator.structure.learned_channels
            losses["structure_code"] = reconstruction_loss(structure[:, :learned], codes.structure.leaf[:, :learned])
        if weights.cycle > 0:
            # Cycle loss. Pushes two swapped images, the structure of one and the appearance of the other, to decode to
            # the anchor.
            code = self.generator.with_colors(
                None if self.generator.has_parts else swapped_code, swapped.leaf, own_structure
            )
            decoded = self.generator.decoder(structure, code)
            real = batch.real[:2].flatten(0, 1)
            losses["cycle"] = reconstruction_loss(decoded, real, self.config.short_training.image_norm)
        backward_terms(**losses)

    def teacher_terms(self, batch: JointBatch, swapped: Tensor, backward_terms: BackwardTerms) -> None:
        """Both classifiers on swapped images (Sec. 3.3); trains the appearance encoder."""
        appearance_labels, structure_labels = batch.labels.flatten(), batch.labels.flip(0).flatten()
        appearance = self.generator.appearance
        output = by_half(appearance, self.merged, swapped)
        label = self.teachers.label(swapped, appearance_labels, structure_labels)
        backward_terms(
            False,
            [parameter for parameter in appearance.parameters() if parameter.requires_grad],
            # Pushes the primary classifier to the teacher's soft label (primary feature learning).
            soft_label=soft_label_loss(output.primary.logits, label),
            # Pushes the fine-grained classifier to the identity of the structure image (fine-grained feature mining).
            fine_grained=identity_loss(output.fine.logits, structure_labels),
        )
