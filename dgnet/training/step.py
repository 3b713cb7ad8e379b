"""One iteration of DG-Net: a discriminator phase, then a phase of the generator and the appearance encoder.

A batch is encoded (`dgnet.training.encoding`), and decoded into swapped images. The discriminator learns to tell these
from real images. Then come the loss terms of the generator and the appearance encoder, in the order of
`dgnet.training.generator_phase`: adversarial, reconstruction, identity, appearance, structure and cycle, and
the teacher's.

The official code makes one backward pass of a weighted sum. Here each term goes backward by itself, down to a *cut*: a
tensor (swapped images, codes) at which the gradients of all terms are summed before they go on into the network that
computed it. The sum is the same, and the graph of one term is freed before the next is built.

The two halves of a batch are a and b, the anchors; each has a positive, another image of the same person. Structure
codes come in the order a, b; swapped images in the order of their appearance, x_ba then x_ab (x_ba: appearance of a,
structure of b). Where batch norm uses batch statistics, the halves go through separately, but for the structure encoder
of part colors, which the paper does not have.
"""

import torch
from torch import Tensor

from dgnet.config import Config
from dgnet.core.device import Precision
from dgnet.core.distributed import Distributed
from dgnet.losses.adversarial import discriminator_loss, gradient_penalty
from dgnet.models.discriminator import MultiScaleDiscriminator
from dgnet.models.generator import Generator
from dgnet.training.batch import JointBatch
from dgnet.training.codes import Codes, exchange_halves
from dgnet.training.cut import Cut
from dgnet.training.encoding import BatchEncoder, PartBatchEncoder
from dgnet.training.generator_phase import GeneratorPhase
from dgnet.training.optimizers import Optimizers
from dgnet.training.record import StepRecord, Terms, detached, mean_terms
from dgnet.training.schedule import loss_weights
from dgnet.training.teacher_ensemble import TeacherEnsemble


class JointStep:
    """One iteration per call. It changes the networks and their optimizers and keeps no other state.

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
        encoder = PartBatchEncoder if generator.has_parts else BatchEncoder
        self.encode = encoder(generator, self.g_precision, config)
        self.generator_phase = GeneratorPhase(generator, discriminator, teachers, self.g_precision, config)

    def __call__(self, batch: JointBatch, iteration: int, train_structure_encoder: bool) -> StepRecord:
        """Train on one batch.

        Args:
            train_structure_encoder: the structure and cycle terms train the structure encoder in this iteration;
                otherwise they train the swapped images, through a frozen structure encoder.
        """
        weights = loss_weights(self.config, iteration)
        self.optimizers.set_rates(iteration)
        parts = batch.split(self.config.run.accumulate)
        batch_fraction = 1 / len(parts)

        # Encode, swap, discriminator phase
        all_codes, all_swapped, d_terms, g_terms = [], [], [], []
        for part in parts:
            all_codes.append(self.encode(part, weights))
            if not weights.need_swapped_images:
                continue
            # With several parts their graphs would not fit into memory together: the generator phase swaps again.
            with torch.set_grad_enabled(len(parts) == 1):
                all_swapped.append(self.swap(all_codes[-1]))
            d_terms.append(self.discriminator_phase(part, all_swapped[-1].detach(), batch_fraction))
        if d_terms:
            self.update(self.d_precision, self.optimizers.discriminator)

        # Generator phase
        for part, codes in zip(parts, all_codes, strict=True):
            swapped = None
            if weights.need_swapped_images:
                swapped = Cut(all_swapped[0] if len(parts) == 1 else self.swap(codes))
            g_terms.append(self.generator_phase(part, codes, swapped, weights, train_structure_encoder, batch_fraction))
        self.update(self.g_precision, *self.optimizers.of_generator)
        self.distributed.average_statistics(self.generator)
        return StepRecord(mean_terms(d_terms), mean_terms(g_terms), weights)

    def swap(self, codes: Codes) -> Tensor:
        """The swapped images x_ba and x_ab: the appearance of a on the structure of b, and the reverse."""
        with self.g_precision.autocast():
            assert codes.anchor_styles is not None
            return self.generator.decoder.decode(exchange_halves(codes.structure.leaf), codes.anchor_styles.leaf)

    def discriminator_phase(self, batch: JointBatch, swapped: Tensor, batch_fraction: float) -> Terms:
        """The discriminator's terms and their backward pass into its parameters."""
        kind, penalty_weight = self.config.discriminator.kind, self.config.discriminator.gradient_penalty
        real = batch.real[:2].flatten(0, 1).clone().requires_grad_()
        with self.d_precision.autocast():
            swapped_scores = self.discriminator(swapped)
        # The penalty is differentiated twice, so its forward pass is float32 in every precision.
        real_scores = self.discriminator(real)
        terms = {
            # Pushes the scores of swapped images to 0 and those of real ones to 1.
            "adversarial": discriminator_loss(swapped_scores, real_scores, kind),
            # Pushes the gradient of the scores at real images to 0.
            "gradient_penalty": gradient_penalty(real_scores, real),
        }
        total = (terms["adversarial"] + penalty_weight * terms["gradient_penalty"]).sum()
        self.d_precision.backward(batch_fraction * self.config.loss.adversarial * total)
        return detached(terms)

    def update(self, precision: Precision, *optimizers: torch.optim.Optimizer) -> None:
        """Average the gradients over the processes, step, and clear them."""
        groups = [group["params"] for optimizer in optimizers for group in optimizer.param_groups]
        self.distributed.average_gradients([parameter for group in groups for parameter in group])
        precision.step(*optimizers)
        for optimizer in optimizers:
            optimizer.zero_grad()
