"""The generator phase of the joint step: every loss term of the generator and the appearance encoder, in order.

The terms are methods of `dgnet.training.real_image_terms` and `dgnet.training.swapped_image_terms`. Each goes backward
down to the cuts of `dgnet.training.codes`; at the end the summed gradients go on from there.
"""

from dgnet.config import Config
from dgnet.core.device import Precision
from dgnet.models.discriminator import MultiScaleDiscriminator
from dgnet.models.generator import Generator
from dgnet.training.backward_terms import BackwardTerms
from dgnet.training.batch import JointBatch
from dgnet.training.codes import Codes
from dgnet.training.cut import Cut
from dgnet.training.real_image_terms import RealImageTerms
from dgnet.training.record import Terms
from dgnet.training.schedule import LossWeights
from dgnet.training.swapped_image_terms import SwappedImageTerms
from dgnet.training.teacher_ensemble import TeacherEnsemble


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
        self.precision = precision
        self.on_real = RealImageTerms(generator, config)
        self.on_swapped = SwappedImageTerms(generator, discriminator, teachers, config)

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
        backward_terms = BackwardTerms(weights, self.precision, batch_fraction)
        # One context for all terms, so that weights are cast to the precision of the step once.
        with self.precision.autocast():
            if swapped is not None and weights.adversarial > 0:
                self.on_swapped.adversarial_term(swapped, backward_terms)
            self.on_real.reconstruction_terms(batch, codes, weights, backward_terms)
            if weights.need_identities:
                self.on_real.identity_terms(batch, codes, weights, backward_terms)
            if swapped is not None:
                code = None
                classified = max(weights.generated_identity, weights.appearance_code) > 0
                if classified or self.on_swapped.cycle_takes_code(weights):
                    code = self.on_swapped.appearance_terms(batch, codes, swapped, weights, backward_terms)
                if weights.structure_code > 0 or weights.cycle > 0:
                    self.on_swapped.structure_and_cycle_terms(
                        batch, codes, swapped, code, weights, train_structure_encoder, backward_terms
                    )
                if weights.soft_label > 0 or weights.fine_grained > 0:
                    self.on_swapped.teacher_terms(batch, swapped.source.detach(), backward_terms)
        for cut in (swapped, *codes.in_backward_order):
            if cut is not None:
                cut.backward_upstream()
        return backward_terms.values
