"""One iteration of DG-Net: a discriminator step, then a step of the generator and the appearance encoder.

The story of a batch: it is encoded, decoded into swapped and reconstructed images, judged by the discriminator, encoded
again, named by the identity heads, taught by the teacher; then the networks step.

Where the original makes one backward pass of a weighted sum, each term here goes backward by itself down to a *cut*: a
tensor (swapped images, codes) at which the gradients of all terms are added before they go on into the network that
made it. The sum is the same, and the graph of one term is gone before the next one is built.

The two halves of a batch are a and b. Structure codes come in the order a, b; swapped images in the order of their
appearance sources, x_ba then x_ab (x_ba: appearance of a, structure of b). Where batch norm looks at the batch, the
halves go through separately.
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
from dgnet.training.codes import Encoded
from dgnet.training.cut import Cut
from dgnet.training.optimizers import Optimizers
from dgnet.training.record import StepRecord, Terms, detached, mean_terms
from dgnet.training.schedule import LossWeights, loss_weights
from dgnet.training.teacher_ensemble import Teaching


class JointStep:
    """Moves the networks and their optimizers by one iteration per call; keeps nothing between calls.

    Args:
        precision: of the discriminator's phase and of the generator's.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: MultiScaleDiscriminator,
        teaching: Teaching,
        optimizers: Optimizers,
        precision: tuple[Precision, Precision],
        distributed: Distributed,
        config: Config,
    ) -> None:
        self.generator = generator
        self.discriminator = discriminator
        self.teaching = teaching
        self.optimizers = optimizers
        self.judging, self.learning = precision
        self.distributed = distributed
        self.config = config

    def __call__(self, batch: JointBatch, iteration: int, encode_again: bool) -> StepRecord:
        """Train on one batch.

        Args:
            encode_again: the live structure encoder learns on the generated images this time; otherwise the generated
                images learn from a frozen one.
        """
        weights = loss_weights(self.config.loss, iteration)
        self.optimizers.set_rates(iteration)
        parts = batch.split(self.config.run.accumulate)
        share = 1 / len(parts)

        encoded, swapped, judged, learned = [], [], [], []
        with constant_weights():
            for part in parts:
                encoded.append(self.encode(part, weights))
                if not weights.need_swapped_images:
                    continue
                # With several parts no graph is kept for all of them: the generator's phase makes the images again.
                with torch.set_grad_enabled(len(parts) == 1):
                    swapped.append(self.swap(encoded[-1]))
                judged.append(self.judge(part, swapped[-1].detach(), share))
        if judged:
            self.update(self.judging, self.optimizers.discriminator)
        with constant_weights():
            for part, codes in zip(parts, encoded, strict=True):
                images = None
                if weights.need_swapped_images:
                    images = Cut(swapped[0] if len(parts) == 1 else self.swap(codes))
                learned.append(self.learn(part, codes, images, weights, encode_again, share))
        self.update(self.learning, *self.optimizers.learning)
        self.distributed.average_statistics(self.generator)
        return StepRecord(mean_terms(judged), mean_terms(learned), weights)

    def encode(self, batch: JointBatch, weights: LossWeights) -> Encoded:
        """Structure of a and b; appearance of the roles needed. Passes in training mode move batch-norm statistics."""
        codes_learn = self.config.appearance.detach_codes == "never"
        names = batch.erased is None and weights.need_identities
        named_here = (names, names and weights.positive_identity > 0)
        asked = (weights.need_own_codes, True)
        roles = []
        with self.learning.autocast():
            real = batch.real[:2].flatten(0, 1)
            structure = self.generator.encode_structure(real, self.recolored(real))
            for pair, needed, named in zip(batch.real.split(2), asked, named_here, strict=True):
                with torch.set_grad_enabled(named or codes_learn):
                    roles += [self.by_half(self.generator.appearance, pair.flatten(0, 1))] if needed else []
            codes = [Cut(role.code if codes_learn else role.code.detach()) for role in roles]
            seen, decoder = Cut(structure), self.generator.decoder
            # Positives are encoded at any weight, as their pass moves the encoder's statistics; not all are decoded.
            decoded = codes if weights.same_identity_reconstruction > 0 else codes[:-1]
            begun = Cut(decoder.begin(seen.leaf))
            styles = Cut(decoder.styles(*(code.leaf for code in decoded))) if decoded else None
        return Encoded(seen, codes[0] if asked[0] else None, codes[-1], begun, styles, roles if names else None)

    def recolored(self, images: Tensor) -> Tensor:
        """What the structure encoder sees of real images."""
        return pixels.mix_colors(images) if self.config.structure.mix_colors else images

    def swap(self, encoded: Encoded) -> Tensor:
        """x_ba, x_ab: the appearance of a and b on the structure of the other."""
        with self.learning.autocast():
            assert encoded.own_styles is not None
            structure, begun = _exchange(encoded.structure.leaf), _exchange(encoded.begun.leaf)
            return self.generator.decoder.decode(structure, begun, encoded.own_styles)

    def judge(self, batch: JointBatch, swapped: Tensor, share: float) -> Terms:
        """Discriminator: swapped images down to 0, real ones up to 1, and no steep slopes at real images."""
        kind, strength = self.config.discriminator.kind, self.config.discriminator.gradient_penalty
        real = batch.real[:2].flatten(0, 1).clone().requires_grad_()
        with self.judging.autocast():
            fake_scores = self.discriminator(swapped)
        # The penalty differentiates twice: its forward pass is float32 in every precision.
        real_scores = self.discriminator(real)
        terms = {
            "adversarial": discriminator_loss(fake_scores, real_scores, kind),
            "gradient_penalty": gradient_penalty(real_scores, real),
        }
        total = (terms["adversarial"] + strength * terms["gradient_penalty"]).sum()
        self.judging.backward(share * self.config.loss.adversarial * total)
        return detached(terms)

    def learn(
        self,
        batch: JointBatch,
        encoded: Encoded,
        images: Cut | None,
        weights: LossWeights,
        encode_again: bool,
        share: float,
    ) -> Terms:
        """All terms of the generator and the appearance encoder, each backward to its cut, then the cuts upstream.

        Args:
            images: the swapped ones, where a term looks at them.
        """
        terms: Terms = {}

        def descend(retain_graph: bool = False, inputs: Iterable[Tensor] | None = None, /, **losses: Tensor) -> None:
            terms.update(detached(losses))
            total = torch.stack([getattr(weights, name) * halves.sum() for name, halves in losses.items()]).sum()
            # With the codes detached, the appearance code's term has a value and no gradient.
            if total.requires_grad:
                self.learning.backward(share * total, retain_graph, inputs)

        # One context for all terms: weights are cast to the precision of the step once.
        with self.learning.autocast():
            if images is not None and weights.adversarial > 0:
                scores = frozen(self.discriminator)(images.leaf)
                descend(adversarial=generator_loss(scores, self.config.discriminator.kind))
            self.reconstruct(batch, encoded, weights, descend)
            if weights.need_identities:
                self.name(batch, encoded, weights, descend)
            if images is not None:
                features = self.shared_features(images, weights)
                self.encode_swapped(batch, encoded, images, features, weights, encode_again, descend)
                self.teach(batch, images.origin.detach(), features, weights, descend)
        for cut in (images, encoded.begun, encoded.styles, encoded.structure, encoded.own, encoded.positive_code):
            if cut is not None:
                cut.finish()
        return terms

    def reconstruct(
        self, batch: JointBatch, encoded: Encoded, weights: LossWeights, descend: Callable[..., None]
    ) -> None:
        """Own structure with own appearance, or with that of another image of the same person: the image itself."""
        real = batch.real[:2].flatten(0, 1)
        for name, styles in (
            ("self_reconstruction", encoded.own_styles),
            ("same_identity_reconstruction", encoded.positive_styles),
        ):
            if styles is not None and getattr(weights, name) > 0:
                made = self.generator.decoder.decode(encoded.structure.leaf, encoded.begun.leaf, styles)
                descend(**{name: reconstruction_loss(made, real, self.config.loss.image_norm)})

    def name(self, batch: JointBatch, encoded: Encoded, weights: LossWeights, descend: Callable[..., None]) -> None:
        """Appearance encoder: real images (erased copies of them) to their identity."""
        labels = batch.labels.flatten()
        for position, role in enumerate(("own", "positive")):
            if role == "positive" and weights.positive_identity == 0:
                continue
            if encoded.named is not None:
                output = encoded.named[position]
            else:
                assert batch.erased is not None
                output = self.by_half(self.generator.appearance, batch.erased.split(2)[position].flatten(0, 1))
            losses = {
                "identity" if role == "own" else "positive_identity": identity_loss(output.primary.logits, labels)
            }
            if role == "own":
                # Also at weight 0: a gradient of zeros lets weight decay act on the fine head, as in the original.
                losses["identity_fine"] = identity_loss(output.fine.logits, labels)
            # Where the codes learn too, their gradient passes through the same graph at the end.
            descend(encoded.named is not None and self.config.appearance.detach_codes == "never", **losses)

    def shared_features(self, images: Cut, weights: LossWeights) -> Cut | None:
        """The trunk's features of the swapped images, where the frozen encoder and the one that learns see the same.

        Both do with batch statistics: then one pass through the trunk serves both, its gradient going to the images for
        the frozen encoder and to the parameters for the other.
        """
        appearance = self.generator.appearance
        same = self.config.loss.batch_statistics_when_frozen and isinstance(appearance.backbone, Backbone)
        if not same or not _needs_frozen_encoder(weights) or not _teaches(weights):
            return None
        halves = (images.leaf,) if self.config.run.merge_batch_statistics else images.leaf.chunk(2)
        return Cut(torch.cat([appearance.backbone(half) for half in halves]))

    def encode_swapped(
        self,
        batch: JointBatch,
        encoded: Encoded,
        images: Cut,
        features: Cut | None,
        weights: LossWeights,
        encode_again: bool,
        descend: Callable[..., None],
    ) -> None:
        """Swapped images encoded again: they must show the identity, appearance and structure they were made of."""
        own_code = encoded.own_code.leaf.detach()
        detach = self.config.appearance.detach_codes == "always"
        if _needs_frozen_encoder(weights):
            # Only the images learn here: the encoder is frozen and its statistics stay.
            batch_statistics = self.config.loss.batch_statistics_when_frozen
            with evaluating(self.generator.appearance, batch_statistics):
                encode_frozen = frozen(self.generator.appearance)
                inputs = (images.leaf,) if features is None else (images.leaf, features.leaf)
                named = self.by_half(encode_frozen, *inputs) if batch_statistics else encode_frozen(*inputs)
            code = named.code.detach() if detach else named.code
            losses = {}
            if weights.generated_identity > 0:
                losses["generated_identity"] = identity_loss(named.primary.logits, batch.labels.flatten())
            if weights.appearance_code > 0:
                losses["appearance_code"] = reconstruction_loss(code, own_code)
            if losses:
                descend(not detach and weights.cycle > 0, **losses)

        if weights.structure_code > 0 or weights.cycle > 0:
            encode = self.generator.structure if encode_again else frozen(self.generator.structure)
            seen = images.leaf.detach() if encode_again else images.leaf
            structure = _exchange(encode(*self.generator.structure_inputs(seen)))
            losses = {}
            if weights.structure_code > 0:
                losses["structure_code"] = reconstruction_loss(structure, encoded.structure.leaf)
            if weights.cycle > 0:
                made = self.generator.decoder(structure, code)
                losses["cycle"] = reconstruction_loss(made, batch.real[:2].flatten(0, 1), self.config.loss.image_norm)
            descend(**losses)
        if features is not None:
            # Into the images alone; the parameters wait for the teacher.
            with input_gradients_only():
                features.finish(inputs=[images.leaf], retain_graph=True)

    def teach(
        self,
        batch: JointBatch,
        swapped: Tensor,
        features: Cut | None,
        weights: LossWeights,
        descend: Callable[..., None],
    ) -> None:
        """Appearance encoder on swapped images: primary head to the teacher's label, fine head to the structure's
        identity.
        """
        if not _teaches(weights):
            return
        appearance_labels, structure_labels = batch.labels.flatten(), batch.labels.flip(0).flatten()
        appearance = self.generator.appearance
        student = self.by_half(appearance, *((swapped,) if features is None else (swapped, features.origin)))
        label = self.teaching.label(swapped, appearance_labels, structure_labels)
        descend(
            False,
            [parameter for parameter in appearance.parameters() if parameter.requires_grad],
            teaching=soft_label_loss(student.primary.logits, label),
            teaching_fine=identity_loss(student.fine.logits, structure_labels),
        )

    def by_half(self, encode: Callable[..., AppearanceOutput], *inputs: Tensor) -> AppearanceOutput:
        """Encode a and b in separate passes, as batch norm must see them, or in one if the configuration says so."""
        if self.config.run.merge_batch_statistics:
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
        """Average the gradients over the processes, step, and forget them."""
        groups = [group["params"] for optimizer in optimizers for group in optimizer.param_groups]
        self.distributed.average_gradients([parameter for group in groups for parameter in group])
        precision.step(*optimizers)
        for optimizer in optimizers:
            optimizer.zero_grad()


def _needs_frozen_encoder(weights: LossWeights) -> bool:
    return weights.generated_identity > 0 or weights.appearance_code > 0 or weights.cycle > 0


def _teaches(weights: LossWeights) -> bool:
    return weights.teaching > 0 or weights.teaching_fine > 0


def _exchange(halves: Tensor) -> Tensor:
    """a, b -> b, a."""
    return torch.cat(halves.chunk(2)[::-1])
