"""Distillation losses: between the stages of one network, or from a frozen teacher."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def feature_distance(
    student: Float[Tensor, "batch feature"], teacher: Float[Tensor, "batch feature"]
) -> Float[Tensor, ""]:
    """Euclidean norm of the difference over the whole batch; the teacher gets no gradient."""
    return torch.dist(student, teacher.detach())


def logit_divergence(
    student: Float[Tensor, "batch identity"], teacher: Float[Tensor, "batch identity"], temperature: float
) -> Float[Tensor, ""]:
    """KL(teacher || student) of the softmaxes at `temperature`, mean over images, times temperature squared.

    Hinton et al. 2015: the square keeps the gradient's size when the temperature changes. No gradient for the teacher.
    """
    student, teacher = (logits if logits.dtype.itemsize >= 4 else logits.float() for logits in (student, teacher))
    target = (teacher.detach().to(student.dtype) / temperature).log_softmax(1)
    prediction = (student / temperature).log_softmax(1)
    return temperature**2 * F.kl_div(prediction, target, reduction="batchmean", log_target=True)


def similarity_distance(
    student: Float[Tensor, "batch _student"], teacher: Float[Tensor, "batch _teacher"]
) -> Float[Tensor, ""]:
    """Mean squared difference between the two matrices of cosine similarities of a batch.

    After similarity-preserving distillation (Tung & Mori 2019): neither dimensions nor identities need to
    be equal. No gradient for the teacher.
    """
    student, teacher = (F.normalize(x if x.dtype.itemsize >= 4 else x.float()) for x in (student, teacher.detach()))
    return ((student @ student.T) - (teacher @ teacher.T).to(student.dtype)).square().mean()
