"""Loss weights and learning-rate factors by iteration: pure functions, so that resuming needs no state of theirs."""

from dataclasses import asdict, dataclass

from dgnet.config import Config


def ramp(start_value: float, maximum: float, begin: int, rate: float, iteration: int) -> float:
    """Constant up to `begin`, then growing by `rate` an iteration up to `maximum`."""
    return min(maximum, start_value + rate * max(0, iteration - begin))


@dataclass(frozen=True)
class LossWeights:
    """The weight of every term of the generator's total at one iteration; names as in the step's record."""

    adversarial: float
    self_reconstruction: float
    same_identity_reconstruction: float
    appearance_code: float
    structure_code: float
    cycle: float
    identity: float
    identity_fine_grained: float
    positive_identity: float
    generated_identity: float
    soft_label: float
    fine_grained: float

    @property
    def need_swapped_images(self) -> bool:
        """Whether any term uses swapped images."""
        codes = self.appearance_code, self.structure_code, self.cycle
        return any(
            weight > 0
            for weight in (self.adversarial, self.generated_identity, *codes, self.soft_label, self.fine_grained)
        )

    @property
    def need_identities(self) -> bool:
        """Whether any term classifies real images."""
        return max(self.identity, self.identity_fine_grained, self.positive_identity) > 0

    @property
    def need_anchor_codes(self) -> bool:
        """Whether any term uses the appearance codes of a and b themselves, not only those of their positives."""
        return self.need_swapped_images or self.need_identities or self.self_reconstruction > 0


def loss_weights(config: Config, iteration: int) -> LossWeights:
    """All weights at `iteration` (from 0). The code and cycle terms begin when reconstructions
    work, the teacher's terms when swaps are good.

    (Zheng et al., CVPR 2019, Sec. 4.1.) Before `short_training.swap_begin` every term on swapped images has weight 0,
    before `short_training.identity_begin` every term that classifies real ones.
    """
    loss = config.loss
    swap_factor = float(iteration >= config.short_training.swap_begin)
    identity_factor = float(iteration >= config.short_training.identity_begin)

    def code_weight(maximum: float) -> float:
        return swap_factor * ramp(loss.code_start, maximum, loss.code_ramp_begin, loss.ramp_rate, iteration)

    teacher_factor = swap_factor * ramp(
        loss.teacher_start, loss.teacher_factor, loss.teacher_ramp_begin, loss.ramp_rate, iteration
    )
    return LossWeights(
        adversarial=swap_factor * loss.adversarial,
        self_reconstruction=loss.self_reconstruction,
        same_identity_reconstruction=loss.same_identity_reconstruction,
        appearance_code=code_weight(loss.appearance_code),
        structure_code=code_weight(loss.structure_code),
        cycle=code_weight(loss.cycle),
        identity=identity_factor * loss.identity,
        identity_fine_grained=identity_factor * loss.identity * teacher_factor * loss.fine_grained,
        positive_identity=identity_factor * loss.positive_identity,
        generated_identity=swap_factor * loss.generated_identity,
        soft_label=teacher_factor * loss.soft_label,
        fine_grained=teacher_factor * loss.fine_grained,
    )


def describe_unused_terms(config: Config) -> str:
    """The terms whose weights first grow after the training's last iteration, in a sentence; empty where there are
    none.

    >>> describe_unused_terms(Config())
    ''
    """
    end = config.schedule.iterations
    begins = {
        "loss.code_ramp_begin": config.loss.code_ramp_begin,
        "loss.teacher_ramp_begin": config.loss.teacher_ramp_begin,
        "short_training.swap_begin": config.short_training.swap_begin,
        "short_training.identity_begin": config.short_training.identity_begin,
    }
    # No weight ever falls.
    last, later = asdict(loss_weights(config, end - 1)), asdict(loss_weights(config, max(end, *begins.values()) + 1))
    if not (without := [name for name, weight in later.items() if weight > 0 and last[name] == 0]):
        return ""
    late = ", ".join(f"{name} is {begin}" for name, begin in begins.items() if begin >= end - 1)
    return f"no iteration has the loss terms {', '.join(without)}: the training ends after {end} iterations, and {late}"


def learning_rate_factor(config: Config, gamma: float, iteration: int) -> float:
    """The factor of the learning rates at `iteration` (from 0).

    In steps: `gamma` to the power of the number of milestones reached (1, 1.5 and 1.75 times `step_size`). The
    official code steps its schedulers before the iteration, so iteration i already has the rate of i + 1.
    Linear: 1 up to `step_size`, then falling evenly to 0 at the end of the training.
    """
    schedule = config.schedule
    if config.short_training.decay == "linear":
        return min(1.0, (schedule.iterations - iteration) / max(schedule.iterations - schedule.step_size, 1))
    milestones = (schedule.step_size * factor for factor in (1.0, 1.5, 1.75))
    return gamma ** sum(iteration + 1 >= int(milestone) for milestone in milestones)
