"""One iteration of DG-Net: a discriminator phase, then a phase of the generator and the appearance encoder.

A batch is encoded and decoded into swapped images. The discriminator learns to tell these from real ones. Then come the
terms of the generator and the appearance encoder, each in a method of its own, in this order: `adversarial_term`,
`reconstruction_terms`, `identity_terms`, `appearance_terms`, `structure_and_cycle_terms`, `teacher_terms`.

Where the original makes one backward pass of a weighted sum, each term here goes backward by itself down to a *cut*: a
tensor (swapped images, codes) at which the gradients of all terms are summed before they go on into the network that
made it. The sum is the same, and the graph of one term is freed before the next one is built.

The two halves of a batch are a and b, the anchors; each has a positive, another image of the same person. Structure
codes come in the order a, b; swapped images in the order of their appearance, x_ba then x_ab (x_ba: appearance of a,
structure of b). Where batch norm uses batch statistics, the halves go through separately.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from dgnet.config import Config
from dgnet.core import pixels
from dgnet.core.device import Precision
from dgnet.core.distributed import Distributed
from dgnet.layers.double_backward_conv import input_gradients_only
from dgnet.layers.weight_cache import constant_weights
from dgnet.losses.adversarial import discriminator_loss, generator_loss, gradient_penalty
from dgnet.losses.identity import identity_loss
from dgnet.losses.reconstruction import reconstruction_loss
from dgnet.losses.soft_label import soft_label_loss
from dgnet.models.appearance import AppearanceOutput
from dgnet.models.backbone import Backbone
from dgnet.models.classifier import IdentityOutput
from dgnet.models.discriminator import MultiScaleDiscriminator
from dgnet.models.frozen import evaluating, frozen
from dgnet.models.generator import Generator
from dgnet.training.batch import JointBatch
from dgnet.training.codes import Codes
from dgnet.training.cut import Cut
from dgnet.training.optimizers import Optimizers
from dgnet.training.record import StepRecord, Terms, detached, mean_terms
from dgnet.training.schedule import LossWeights, loss_weights
from dgnet.training.teacher_ensemble import TeacherEnsemble

# Sends some terms backward, weighted: `backward_terms(retain_graph, inputs, name=halves, ...)`.
BackwardTerms = Callable[..., None]


class JointStep:
    """One iteration per call: it changes the networks and their optimizers and keeps nothing else between calls.

    Args:
        precision: of the discriminator phase and of the generator phase.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: MultiScaleDiscriminator,
        teachers: TeacherEnsemble,
        optimizers: Optimizers,
        precision: tuple[Precision, Precision],
        distributed: Distributed,
        config: Config,
    ) -> None:
        self.generator = generator
        self.discriminator = discriminator
        self.teachers = teachers
        self.optimizers = optimizers
        self.d_precision, self.g_precision = precision
        self.distributed = distributed
        self.config = config

    def __call__(self, batch: JointBatch, iteration: int, train_structure_encoder: bool) -> StepRecord:
        """Train on one batch.

        Args:
            train_structure_encoder: the structure and cycle terms train the structure encoder in this iteration;
                otherwise they train the swapped images, through a frozen structure encoder.
        """
        weights = loss_weights(self.config, iteration)
        self.optimizers.set_rates(iteration)
        parts = batch.split(self.config.run.accumulate)
        share = 1 / len(parts)

        # Encode, swap, discriminator phase
        all_codes, all_swapped, d_terms, g_terms = [], [], [], []
        with constant_weights():
            for part in parts:
                all_codes.append(self.encode(part, weights))
                if not weights.need_swapped_images:
                    continue
                # With several parts no graph is kept for all of them: the generator phase swaps again.
                with torch.set_grad_enabled(len(parts) == 1):
                    all_swapped.append(self.swap(all_codes[-1]))
                d_terms.append(self.discriminator_phase(part, all_swapped[-1].detach(), share))
        if d_terms:
            self.update(self.d_precision, self.optimizers.discriminator)

        # Generator phase
        with constant_weights():
            for part, codes in zip(parts, all_codes, strict=True):
                swapped = None
                if weights.need_swapped_images:
                    swapped = Cut(all_swapped[0] if len(parts) == 1 else self.swap(codes))
                g_terms.append(self.generator_phase(part, codes, swapped, weights, train_structure_encoder, share))
        self.update(self.g_precision, *self.optimizers.of_generator)
        self.distributed.average_statistics(self.generator)
        return StepRecord(mean_terms(d_terms), mean_terms(g_terms), weights)

    def encode(self, batch: JointBatch, weights: LossWeights) -> Codes:
        """Structure of the anchors; appearance of whatever a term needs. These passes update batch-norm statistics."""
        codes_have_gradient = self.config.short_training.detach_codes == "never"
        # Without erasing the identity terms share these passes.
        classifies = batch.erased is None and weights.need_identities
        classifies_pair = (classifies, classifies and weights.positive_identity > 0)
        needed = (weights.need_anchor_codes, True)
        outputs = []
        with self.g_precision.autocast():
            real = batch.real[:2].flatten(0, 1)
            structure = Cut(self.generator.encode_structure(real, self.recolored(real)))
            for pair, pair_needed, pair_classified in zip(batch.real.split(2), needed, classifies_pair, strict=True):
                with torch.set_grad_enabled(pair_classified or codes_have_gradient):
                    outputs += [self.by_half(self.generator.appearance, pair.flatten(0, 1))] if pair_needed else []
            appearance = [Cut(output.code if codes_have_gradient else output.code.detach()) for output in outputs]
            # Positives are encoded at any weight, as the pass updates the encoder's statistics; not all are decoded.
            decoded = appearance if weights.same_identity_reconstruction > 0 else appearance[:-1]
            decoder = self.generator.decoder
            first_conv = Cut(decoder.first_conv(structure.detached))
            styles = Cut(decoder.styles(*(code.detached for code in decoded))) if decoded else None
        return Codes(
            structure,
            anchor=appearance[0] if weights.need_anchor_codes else None,
            positive=appearance[-1],
            first_conv=first_conv,
            styles=styles,
            classified=outputs if classifies else None,
        )

    def recolored(self, images: Tensor) -> Tensor:
        """Real images in the colors that the structure encoder sees."""
        return pixels.mix_colors(images) if self.config.short_training.mix_colors else images

    def swap(self, codes: Codes) -> Tensor:
        """x_ba, x_ab: the appearance of a and b on the structure of the other."""
        with self.g_precision.autocast():
            assert codes.anchor_styles is not None
            structure, first_conv = _exchange(codes.structure.detached), _exchange(codes.first_conv.detached)
            return self.generator.decoder.decode(structure, first_conv, codes.anchor_styles)

    def discriminator_phase(self, batch: JointBatch, swapped: Tensor, share: float) -> Terms:
        """The discriminator's terms, backward into its parameters."""
        kind, penalty_weight = self.config.discriminator.kind, self.config.discriminator.gradient_penalty
        real = batch.real[:2].flatten(0, 1).clone().requires_grad_()
        with self.d_precision.autocast():
            swapped_scores = self.discriminator(swapped)
        # The penalty differentiates twice: its forward pass is float32 in every precision.
        real_scores = self.discriminator(real)
        terms = {
            # Pushes the scores of swapped images to 0 and those of real ones to 1.
            "adversarial": discriminator_loss(swapped_scores, real_scores, kind),
            # Pushes the slope of the scores at real images to 0.
            "gradient_penalty": gradient_penalty(real_scores, real),
        }
        total = (terms["adversarial"] + penalty_weight * terms["gradient_penalty"]).sum()
        self.d_precision.backward(share * self.config.loss.adversarial * total)
        return detached(terms)

    def generator_phase(
        self,
        batch: JointBatch,
        codes: Codes,
        swapped: Cut | None,
        weights: LossWeights,
        train_structure_encoder: bool,
        share: float,
    ) -> Terms:
        """The terms of the generator and the appearance encoder, each backward to its cut; then the cuts upstream.

        Args:
            swapped: the swapped images; None where no term uses them.
        """
        terms: Terms = {}

        def backward_terms(
            retain_graph: bool = False, inputs: Iterable[Tensor] | None = None, /, **losses: Tensor
        ) -> None:
            terms.update(detached(losses))
            total = torch.stack([getattr(weights, name) * halves.sum() for name, halves in losses.items()]).sum()
            # With detached codes `appearance_code` has a value and no gradient.
            if total.requires_grad:
                self.g_precision.backward(share * total, retain_graph, inputs)

        # One context for all terms: weights are cast to the precision of the step once.
        with self.g_precision.autocast():
            if swapped is not None and weights.adversarial > 0:
                self.adversarial_term(swapped, backward_terms)
            self.reconstruction_terms(batch, codes, weights, backward_terms)
            if weights.need_identities:
                self.identity_terms(batch, codes, weights, backward_terms)
            if swapped is not None:
                features = self.shared_features(swapped, weights)
                swapped_code = None
                if _needs_frozen_encoder(weights):
                    swapped_code = self.appearance_terms(batch, codes, swapped, features, weights, backward_terms)
                if weights.structure_code > 0 or weights.cycle > 0:
                    self.structure_and_cycle_terms(
                        batch, codes, swapped, swapped_code, weights, train_structure_encoder, backward_terms
                    )
                if features is not None:
                    # Into the images alone; the parameters wait for the teacher.
                    with input_gradients_only():
                        features.backward_upstream(inputs=[swapped.detached], retain_graph=True)
                if _needs_teacher(weights):
                    self.teacher_terms(batch, swapped.source.detach(), features, backward_terms)
        for cut in (swapped, codes.first_conv, codes.styles, codes.structure, codes.anchor, codes.positive):
            if cut is not None:
                cut.backward_upstream()
        return terms

    def adversarial_term(self, swapped: Cut, backward_terms: BackwardTerms) -> None:
        """A frozen discriminator on swapped images; trains the swapped images."""
        scores = frozen(self.discriminator)(swapped.detached)
        # Pushes swapped images to where the discriminator takes them for real.
        backward_terms(adversarial=generator_loss(scores, self.config.discriminator.kind))

    def reconstruction_terms(
        self, batch: JointBatch, codes: Codes, weights: LossWeights, backward_terms: BackwardTerms
    ) -> None:
        """Anchors decoded from their own structure; trains structure encoder and decoder (Eqs. 1 and 2)."""
        real = batch.real[:2].flatten(0, 1)
        for name, styles in (
            # Pushes structure and appearance of an image to give the image itself.
            ("self_reconstruction", codes.anchor_styles),
            # Pushes its structure and the appearance of its positive to give the image, too.
            ("same_identity_reconstruction", codes.positive_styles),
        ):
            if styles is not None and getattr(weights, name) > 0:
                decoded = self.generator.decoder.decode(codes.structure.detached, codes.first_conv.detached, styles)
                backward_terms(**{name: reconstruction_loss(decoded, real, self.config.short_training.image_norm)})

    def identity_terms(
        self, batch: JointBatch, codes: Codes, weights: LossWeights, backward_terms: BackwardTerms
    ) -> None:
        """Real images (erased copies of them) classified; trains the appearance encoder."""
        labels = batch.labels.flatten()
        # Where the codes have a gradient too, it passes through the same graph at the end.
        retain_graph = codes.classified is not None and self.config.short_training.detach_codes == "never"

        def classified(position: int) -> AppearanceOutput:
            if codes.classified is not None:
                return codes.classified[position]
            assert batch.erased is not None
            return self.by_half(self.generator.appearance, batch.erased.split(2)[position].flatten(0, 1))

        anchor = classified(0)
        backward_terms(
            retain_graph,
            # Pushes both classifiers of an anchor to its identity. The fine one also at weight 0: a gradient of zeros
            # lets weight decay act on it, as in the original.
            identity=identity_loss(anchor.primary.logits, labels),
            identity_fine=identity_loss(anchor.fine.logits, labels),
        )
        if weights.positive_identity > 0:
            # Pushes the primary classifier of a positive to its identity.
            backward_terms(retain_graph, positive_identity=identity_loss(classified(1).primary.logits, labels))

    def shared_features(self, swapped: Cut, weights: LossWeights) -> Cut | None:
        """The trunk's features of the swapped images, where `appearance_terms` and `teacher_terms` need the same.

        Both do with batch statistics: then one pass through the trunk serves both, its gradient going to the images for
        the one and to the parameters for the other.
        """
        appearance = self.generator.appearance
        same = self.config.loss.batch_statistics_when_frozen and isinstance(appearance.backbone, Backbone)
        if not same or not _needs_frozen_encoder(weights) or not _needs_teacher(weights):
            return None
        halves = (swapped.detached,) if self.config.short_training.merge_batch_statistics else swapped.detached.chunk(2)
        return Cut(torch.cat([appearance.backbone(half) for half in halves]))

    def appearance_terms(
        self,
        batch: JointBatch,
        codes: Codes,
        swapped: Cut,
        features: Cut | None,
        weights: LossWeights,
        backward_terms: BackwardTerms,
    ) -> Tensor:
        """A frozen appearance encoder on swapped images; trains the swapped images. Returns their appearance codes.

        Unless `short_training.detach_codes` says otherwise these codes are detached, as in the original: the term
        `appearance_code` then has a value, which is logged, and no gradient.
        """
        assert codes.anchor is not None
        detach = self.config.short_training.detach_codes == "always"
        batch_statistics = self.config.loss.batch_statistics_when_frozen
        with evaluating(self.generator.appearance, batch_statistics):
            encode = frozen(self.generator.appearance)
            inputs = (swapped.detached,) if features is None else (swapped.detached, features.detached)
            output = self.by_half(encode, *inputs) if batch_statistics else encode(*inputs)
        code: Tensor = output.code.detach() if detach else output.code
        losses = {}
        if weights.generated_identity > 0:
            # Pushes a swapped image to be classified as the person whose appearance it has.
            losses["generated_identity"] = identity_loss(output.primary.logits, batch.labels.flatten())
        if weights.appearance_code > 0:
            # Pushes its appearance code to the one that it was decoded from (Eq. 4).
            losses["appearance_code"] = reconstruction_loss(code, codes.anchor.detached.detach())
        if losses:
            backward_terms(not detach and weights.cycle > 0, **losses)
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
        """Structure of the swapped images, decoded back to the anchors; trains the decoder and, by turns, the structure
        encoder or (through a frozen one) the swapped images.
        """
        encode = self.generator.structure if train_structure_encoder else frozen(self.generator.structure)
        images = swapped.detached.detach() if train_structure_encoder else swapped.detached
        structure = _exchange(encode(*self.generator.structure_inputs(images)))
        losses = {}
        if weights.structure_code > 0:
            # Pushes the structure code of a swapped image to the one that it was decoded from (Eq. 5).
            losses["structure_code"] = reconstruction_loss(structure, codes.structure.detached)
        if weights.cycle > 0:
            # Cycle loss. Pushes a swapped image, decoded again with the appearance of the other one, to the anchor.
            decoded = self.generator.decoder(structure, swapped_code)
            real = batch.real[:2].flatten(0, 1)
            losses["cycle"] = reconstruction_loss(decoded, real, self.config.short_training.image_norm)
        backward_terms(**losses)

    def teacher_terms(
        self, batch: JointBatch, swapped: Tensor, features: Cut | None, backward_terms: BackwardTerms
    ) -> None:
        """Both classifiers on swapped images; trains the appearance encoder (Sec. 3.3)."""
        appearance_labels, structure_labels = batch.labels.flatten(), batch.labels.flip(0).flatten()
        appearance = self.generator.appearance
        output = self.by_half(appearance, *((swapped,) if features is None else (swapped, features.source)))
        label = self.teachers.label(swapped, appearance_labels, structure_labels)
        backward_terms(
            False,
            [parameter for parameter in appearance.parameters() if parameter.requires_grad],
            # Pushes the primary classifier to the teacher's soft label.
            soft_label=soft_label_loss(output.primary.logits, label),
            # Pushes the fine classifier to the identity that the structure comes from: what clothes do not tell.
            fine=identity_loss(output.fine.logits, structure_labels),
        )

    def by_half(self, encode: Callable[..., AppearanceOutput], *inputs: Tensor) -> AppearanceOutput:
        """Encode a and b in separate passes, as batch norm must see them, or in one if the configuration says so."""
        if self.config.short_training.merge_batch_statistics:
            return encode(*inputs)
        first, second = (encode(*half) for half in zip(*(whole.chunk(2) for whole in inputs), strict=True))
        return AppearanceOutput(
            torch.cat([first.code, second.code]),
            *(
                IdentityOutput(*map(torch.cat, zip(one, two, strict=True)))
                for one, two in zip(first[1:], second[1:], strict=True)
            ),
        )

    def update(self, precision: Precision, *optimizers: torch.optim.Optimizer) -> None:
        """Average the gradients over the processes, step, and clear them."""
        groups = [group["params"] for optimizer in optimizers for group in optimizer.param_groups]
        self.distributed.average_gradients([parameter for group in groups for parameter in group])
        precision.step(*optimizers)
        for optimizer in optimizers:
            optimizer.zero_grad()


def _needs_frozen_encoder(weights: LossWeights) -> bool:
    return weights.generated_identity > 0 or weights.appearance_code > 0 or weights.cycle > 0


def _needs_teacher(weights: LossWeights) -> bool:
    return weights.soft_label > 0 or weights.fine > 0


def _exchange(halves: Tensor) -> Tensor:
    """a, b -> b, a."""
    return torch.cat(halves.chunk(2)[::-1])
