"""The loss terms of swapped images: adversarial, appearance, structure, cycle and the teacher's."""

from torch import Tensor

from dgnet.config import Config
from dgnet.losses.adversarial import generator_loss
from dgnet.losses.identity import identity_loss
from dgnet.losses.reconstruction import image_reconstruction_loss, reconstruction_loss
from dgnet.losses.soft_label import soft_label_loss
from dgnet.models.discriminator import MultiScaleDiscriminator
from dgnet.models.frozen import evaluating, frozen
from dgnet.models.generator import Generator
from dgnet.training.backward_terms import BackwardTerms
from dgnet.training.batch import JointBatch
from dgnet.training.codes import Codes, by_half, exchange_halves
from dgnet.training.cut import Cut
from dgnet.training.schedule import LossWeights
from dgnet.training.teacher_ensemble import TeacherEnsemble


class SwappedImageTerms:
    """Each method computes one or two terms that share a forward pass, and runs their backward pass to the cuts."""

    def __init__(
        self,
        generator: Generator,
        discriminator: MultiScaleDiscriminator,
        teachers: TeacherEnsemble,
        config: Config,
    ) -> None:
        self.generator, self.discriminator, self.teachers = generator, discriminator, teachers
        self.config = config
        self.merged = config.short_training.merge_batch_statistics

    def adversarial_term(self, swapped: Cut, backward_terms: BackwardTerms) -> None:
        """The adversarial loss of a frozen discriminator; its gradient goes into the swapped images."""
        scores = frozen(self.discriminator)(swapped.leaf)
        # Pushes swapped images to look real to the discriminator.
        backward_terms(adversarial=generator_loss(scores, self.config.discriminator.kind))

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
            short = self.config.short_training
            losses["cycle"] = image_reconstruction_loss(decoded, real, short.image_norm, short.edge_weight)
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

    def cycle_takes_code(self, weights: LossWeights) -> bool:
        """Whether the cycle decodes the appearance encoder's code of swapped images; part colors need none."""
        return weights.cycle > 0 and not self.generator.has_parts
