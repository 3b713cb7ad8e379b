"""DG-Net's joint step, word by word: modules copied every iteration, one batch at a time, the full graph.

The oracle of parity and the baseline of the benchmark. Nothing here is slower on purpose than the official release was.
"""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.oracles.naive_config import NaiveConfig
from tests.oracles.naive_dgnet import TRUNK_CHANNELS, AppearanceEncoder, Discriminator, Generator, Teacher


def train_batch_norms(module: nn.Module) -> None:
    """Put only the batch norms in training mode."""
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            part.train()


def upsampled(x: Tensor) -> Tensor:
    """Images of height at most 128 twice as large, others as they are."""
    return F.interpolate(x, scale_factor=2, mode="nearest") if x.shape[2] <= 128 else x


def frozen_copy(module: nn.Module) -> nn.Module:
    """A copy in evaluation mode whose weights take no gradient."""
    module = copy.deepcopy(module)
    module.eval()
    for parameter in module.parameters():
        parameter.requires_grad = False
    return module


def copy_of(value: Tensor | tuple[Tensor, ...]) -> Tensor | tuple[Tensor, ...]:
    """The numbers without their graph."""
    return value.detach().clone() if isinstance(value, Tensor) else tuple(copy_of(part) for part in value)


def l1(x: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference."""
    return torch.mean(torch.abs(x - target))


class NaiveDGNet:
    """All networks and optimizers, and one iteration of their joint training.

    With `watch` a step keeps what a test compares: the gradient norms and the images, codes and logits of its forward
    pass (`seen`). A benchmark leaves it off.
    """

    def __init__(self, config: NaiveConfig, watch: bool = False) -> None:
        c = self.config = config
        self.watch = watch
        self.seen: dict[str, Tensor | tuple[Tensor, Tensor]] = {}
        self.seen_grad_norms: dict[str, dict[str, float]] = {}
        self.gen = Generator(TRUNK_CHANNELS[c.trunk], c.structure_dim, c.mlp_dim, c.structure_residuals)
        self.dis = Discriminator(c.discriminator_dim, c.discriminator_residuals, c.scales)
        self.id = AppearanceEncoder(c.trunk, c.identities, c.pool, c.appearance_stride, c.dropouts)
        self.teachers = [Teacher(c.teacher_trunk, c.identities, c.teacher_stride, 0.5) for _ in range(c.teachers)]
        for teacher in self.teachers:
            teacher.eval()
            for parameter in teacher.parameters():
                parameter.requires_grad = False
            if c.train_bn:
                train_batch_norms(teacher)
        self.make_optimizers()

    def make_optimizers(self) -> None:
        """Fresh optimizers on the present parameters; again after a change of precision or device."""
        c = self.config
        adam = {"lr": c.rate, "betas": c.betas, "weight_decay": c.weight_decay}
        self.gen_opt = torch.optim.Adam(self.gen.parameters(), **adam)
        self.dis_opt = torch.optim.Adam(self.dis.parameters(), **adam)
        classifiers = [*self.id.classifier1.parameters(), *self.id.classifier2.parameters()]
        groups = [
            {"params": list(self.id.model.parameters()), "lr": c.appearance_rate},
            {"params": classifiers, "lr": 10 * c.appearance_rate},
        ]
        self.id_opt = torch.optim.SGD(groups, weight_decay=c.weight_decay, momentum=0.9, nesterov=True)

    def to(self, *args: object) -> "NaiveDGNet":
        """Move all networks to a device or precision; the optimizers start afresh."""
        for module in (self.gen, self.dis, self.id, *self.teachers):
            module.to(*args)
        self.make_optimizers()
        return self

    def ramped_weights(self, iteration: int) -> dict[str, float]:
        """The four weights that grow with the iteration."""
        c = self.config
        steps = max(0, iteration - c.warm_iter)
        teacher_steps = max(0, iteration - c.warm_teacher_iter)

        def ramp(start: float, steps: int, highest: float) -> float:
            return min(start + c.warm_scale * steps, highest) if steps > 0 else start

        return {
            "recon_f": ramp(c.recon_f_w, steps, c.max_w),
            "recon_s": ramp(c.recon_s_w, steps, c.max_w),
            "cycle": ramp(c.recon_x_cyc_w, steps, c.max_cyc_w),
            "teacher": ramp(c.teacher_w, teacher_steps, c.max_teacher_w),
        }

    def single(self, x: Tensor) -> Tensor:
        """The structure encoder's one channel."""
        if self.config.structure_input == "edge":
            return self.config.edges(x)
        return x.mean(dim=1, keepdim=True)

    # --- adversarial -------------------------------------------------------------------------------------------------

    def discriminator_loss(self, fake: Tensor, real: Tensor) -> Tensor:
        """Fake to 0, real to 1, and the penalty on the gradient at the real images, over the scales."""
        real = real.detach().clone().requires_grad_()
        loss, penalty = 0, 0
        for out_fake, out_real in zip(self.dis(fake), self.dis(real), strict=True):
            if self.config.gan_type == "lsgan":
                loss = loss + torch.mean(out_fake**2) + torch.mean((out_real - 1) ** 2)
            else:
                zeros, ones = torch.zeros_like(out_fake), torch.ones_like(out_real)
                loss = loss + F.binary_cross_entropy_with_logits(out_fake, zeros)
                loss = loss + F.binary_cross_entropy_with_logits(out_real, ones)
            (slope,) = torch.autograd.grad(out_real.sum(), real, create_graph=True)
            penalty = penalty + self.config.penalty * (slope**2).reshape(len(real), -1).sum(dim=1).mean()
        return loss + penalty

    def generator_loss(self, fake: Tensor) -> Tensor:
        """Fake to 1, over the scales."""
        loss = 0
        for out in self.dis(fake):
            if self.config.gan_type == "lsgan":
                loss = loss + 2 * torch.mean((out - 1) ** 2)
            else:
                loss = loss + F.binary_cross_entropy_with_logits(out, torch.ones_like(out))
        return loss

    # --- teacher -----------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def soft_label(self, x: Tensor, appearance_labels: Tensor, structure_labels: Tensor) -> Tensor:
        """What the teachers say about a generated image, by `teacher_style`."""
        style, classes = self.config.teacher_style, self.config.identities
        if style == 2:
            return F.one_hot(appearance_labels, classes).to(x.dtype)
        if style == 3:
            return torch.full((len(x), classes), 1 / classes, dtype=x.dtype, device=x.device)
        total = 0
        for teacher in self.teachers:
            total = total + torch.softmax(teacher(x), dim=1)
            total = total + torch.softmax(teacher(torch.flip(x, dims=[3])), dim=1)
        mean = total / (2 * len(self.teachers))
        if style == 1:
            return F.one_hot(mean.argmax(dim=1), classes).to(x.dtype)
        if style == 4:
            keep = F.one_hot(appearance_labels, classes) + F.one_hot(structure_labels, classes) > 0
            mean = mean * keep
            return mean / mean.sum(dim=1, keepdim=True)
        return mean

    def teacher_half(self, image: Tensor, appearance_labels: Tensor, structure_labels: Tensor) -> Tensor:
        """What one detached generated batch teaches the live appearance encoder."""
        _, (primary, fine) = self.id(upsampled(image))
        target = self.soft_label(upsampled(image), appearance_labels, structure_labels)
        divergence = F.kl_div(F.log_softmax(primary, dim=1), target, reduction="sum") / len(image)
        return self.config.teaching_w * divergence + self.config.fine_w * F.cross_entropy(fine, structure_labels)

    # --- one iteration -----------------------------------------------------------------------------------------------

    def set_learning_rates(self, iteration: int) -> None:
        """The schedules step before the iteration."""
        c = self.config
        passed = sum(iteration + 1 >= int(c.step_size * at) for at in (1, 1.5, 1.75))
        for group in (*self.gen_opt.param_groups, *self.dis_opt.param_groups):
            group["lr"] = c.rate * c.gamma**passed
        for group, times in zip(self.id_opt.param_groups, (1, 10), strict=True):
            group["lr"] = times * c.appearance_rate * c.gamma2**passed

    def forward(self, x: dict[str, Tensor]) -> dict[str, Tensor | tuple[Tensor, Tensor]]:
        """Codes, swapped and reconstructed images, identity logits."""
        v = {}
        v["s_a"] = self.gen.enc_content(self.single(x["x_a"]))
        v["s_b"] = self.gen.enc_content(self.single(x["x_b"]))
        v["f_a"], v["p_a"] = self.id(upsampled(x["x_a"]))
        v["f_b"], v["p_b"] = self.id(upsampled(x["x_b"]))
        v["x_ba"] = self.gen.decode(v["s_b"], v["f_a"])
        v["x_ab"] = self.gen.decode(v["s_a"], v["f_b"])
        v["recon_a"] = self.gen.decode(v["s_a"], v["f_a"])
        v["recon_b"] = self.gen.decode(v["s_b"], v["f_b"])
        v["fp_a"], v["pp_a"] = self.id(upsampled(x["xp_a"]))
        v["fp_b"], v["pp_b"] = self.id(upsampled(x["xp_b"]))
        v["recon_same_a"] = self.gen.decode(v["s_a"], v["fp_a"])
        v["recon_same_b"] = self.gen.decode(v["s_b"], v["fp_b"])
        if "erased_x_a" in x:
            for erased, logits in (("x_a", "p_a"), ("x_b", "p_b"), ("xp_a", "pp_a"), ("xp_b", "pp_b")):
                v[logits] = self.id(upsampled(x["erased_" + erased]))[1]
        return v

    def step(
        self, x: dict[str, Tensor], labels_a: Tensor, labels_b: Tensor, iteration: int, encode_again: bool
    ) -> dict[str, float]:
        """One iteration: forward, discriminator update, generator and appearance encoder update; the losses by name.

        `x` holds normalized `x_a, x_b, xp_a, xp_b` (batch 3 height width) and, with random erasing, `erased_x_a` and
        so on. With `encode_again` the live structure encoder learns from detached generated images; otherwise a frozen
        copy sees the live images.
        """
        self.set_learning_rates(iteration)
        for module in (self.gen, self.dis, self.id):
            module.train()
        v = self.forward(x)
        if self.watch:
            self.seen = {name: copy_of(value) for name, value in v.items()}
        losses = self.discriminator_step(x, v)
        losses |= self.generator_step(x, v, labels_a, labels_b, self.ramped_weights(iteration), encode_again)
        return {name: float(value.detach()) for name, value in losses.items()}

    def discriminator_step(self, x: dict[str, Tensor], v: dict[str, Tensor]) -> dict[str, Tensor]:
        """The discriminator learns to tell the generated images of this iteration from the real ones."""
        self.dis_opt.zero_grad()
        loss_a = self.discriminator_loss(v["x_ba"].detach(), x["x_a"])
        loss_b = self.discriminator_loss(v["x_ab"].detach(), x["x_b"])
        total = self.config.gan_w * loss_a + self.config.gan_w * loss_b
        total.backward()
        self.record_grad_norms("dis", self.dis)
        self.dis_opt.step()
        return {"loss_dis_a": loss_a, "loss_dis_b": loss_b, "loss_dis_total": total}

    def generator_step(
        self,
        x: dict[str, Tensor],
        v: dict[str, Tensor],
        labels_a: Tensor,
        labels_b: Tensor,
        ramped: dict[str, float],
        encode_again: bool,
    ) -> dict[str, Tensor]:
        """The generator and the appearance encoder learn together, in one backward pass."""
        c = self.config
        self.gen_opt.zero_grad()
        self.id_opt.zero_grad()
        off = torch.zeros(())
        x_ba, x_ab = v["x_ba"], v["x_ab"]

        encoder_copy = frozen_copy(self.id)
        if c.train_bn:
            train_batch_norms(encoder_copy)
        if encode_again:
            s_a_again = self.gen.enc_content(self.single(x_ab.detach()))
            s_b_again = self.gen.enc_content(self.single(x_ba.detach()))
        else:
            structure_copy = frozen_copy(self.gen.enc_content)
            s_a_again = structure_copy(self.single(x_ab))
            s_b_again = structure_copy(self.single(x_ba))
        f_a_again, p_a_again = encoder_copy(upsampled(x_ba))
        f_b_again, p_b_again = encoder_copy(upsampled(x_ab))

        t = {}
        t["loss_gen_recon_x_a"] = l1(v["recon_a"], x["x_a"])
        t["loss_gen_recon_x_b"] = l1(v["recon_b"], x["x_b"])
        t["loss_gen_recon_xp_a"] = l1(v["recon_same_a"], x["x_a"])
        t["loss_gen_recon_xp_b"] = l1(v["recon_same_b"], x["x_b"])
        on = ramped["recon_f"] > 0
        t["loss_gen_recon_f_a"] = l1(f_a_again, v["f_a"]) if on else off
        t["loss_gen_recon_f_b"] = l1(f_b_again, v["f_b"]) if on else off
        on = ramped["recon_s"] > 0
        t["loss_gen_recon_s_a"] = l1(s_a_again, v["s_a"].detach()) if on else off
        t["loss_gen_recon_s_b"] = l1(s_b_again, v["s_b"].detach()) if on else off
        on = ramped["cycle"] > 0
        t["loss_gen_cycrecon_x_a"] = l1(self.gen.decode(s_a_again, f_a_again), x["x_a"]) if on else off
        t["loss_gen_cycrecon_x_b"] = l1(self.gen.decode(s_b_again, f_b_again), x["x_b"]) if on else off
        t["loss_gen_adv_a"] = self.generator_loss(x_ba)
        t["loss_gen_adv_b"] = self.generator_loss(x_ab)

        fine = ramped["teacher"] * c.fine_w
        t["loss_id"] = F.cross_entropy(v["p_a"][0], labels_a) + F.cross_entropy(v["p_b"][0], labels_b)
        t["loss_id"] = t["loss_id"] + fine * (
            F.cross_entropy(v["p_a"][1], labels_a) + F.cross_entropy(v["p_b"][1], labels_b)
        )
        t["loss_pid"] = F.cross_entropy(v["pp_a"][0], labels_a) + F.cross_entropy(v["pp_b"][0], labels_b)
        t["loss_gen_recon_id"] = F.cross_entropy(p_a_again[0], labels_a) + F.cross_entropy(p_b_again[0], labels_b)
        t["loss_teacher"] = off
        if ramped["teacher"] > 0:
            t["loss_teacher"] = self.teacher_half(x_ba.detach(), labels_a, labels_b)
            t["loss_teacher"] = t["loss_teacher"] + self.teacher_half(x_ab.detach(), labels_b, labels_a)

        total = c.gan_w * (t["loss_gen_adv_a"] + t["loss_gen_adv_b"])
        total = total + c.recon_x_w * (t["loss_gen_recon_x_a"] + t["loss_gen_recon_x_b"])
        total = total + c.recon_xp_w * (t["loss_gen_recon_xp_a"] + t["loss_gen_recon_xp_b"])
        total = total + ramped["recon_f"] * (t["loss_gen_recon_f_a"] + t["loss_gen_recon_f_b"])
        total = total + ramped["recon_s"] * (t["loss_gen_recon_s_a"] + t["loss_gen_recon_s_b"])
        total = total + ramped["cycle"] * (t["loss_gen_cycrecon_x_a"] + t["loss_gen_cycrecon_x_b"])
        total = total + c.id_w * t["loss_id"] + c.pid_w * t["loss_pid"] + c.recon_id_w * t["loss_gen_recon_id"]
        total = total + ramped["teacher"] * t["loss_teacher"]
        total.backward()
        self.record_grad_norms("gen", self.gen)
        self.record_grad_norms("id", self.id)
        self.gen_opt.step()
        self.id_opt.step()
        return {"loss_gen_total": total, **t}

    # --- what a test compares ----------------------------------------------------------------------------------------

    def record_grad_norms(self, network: str, module: nn.Module) -> None:
        """Keep the L2 norms of the gradients that the optimizer is about to step on."""
        if self.watch:
            gradients = {name: p.grad for name, p in module.named_parameters() if p.grad is not None}
            self.seen_grad_norms[network] = {name: float(gradient.norm()) for name, gradient in gradients.items()}

    def grad_norms(self) -> dict[str, dict[str, float]]:
        """L2 norm of every gradient that the optimizers of the last watched step used, by network and parameter."""
        return self.seen_grad_norms

    def param_norms(self) -> dict[str, dict[str, float]]:
        """L2 norm of every floating-point entry of the state dicts, buffers included."""
        return {
            network: {k: float(v.norm()) for k, v in module.state_dict().items() if v.is_floating_point()}
            for network, module in (("gen", self.gen), ("id", self.id), ("dis", self.dis))
        }
