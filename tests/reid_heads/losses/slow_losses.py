"""Slow, obvious versions of the heads' losses: a loop per pair, plain numbers, no tensors but the input."""

import math
from collections.abc import Sequence

Rows = Sequence[Sequence[float]]


def distance(first: Sequence[float], second: Sequence[float]) -> float:
    return math.sqrt(sum((a - b) ** 2 for a, b in zip(first, second, strict=True)))


def hardest(features: Rows, labels: Sequence[int]) -> list[tuple[float, float]]:
    """Per image the farthest of its identity (itself included) and the nearest of another."""
    pairs = []
    for i, own in enumerate(features):
        positives = [distance(own, other) for j, other in enumerate(features) if labels[j] == labels[i]]
        negatives = [distance(own, other) for j, other in enumerate(features) if labels[j] != labels[i]]
        pairs.append((max(positives), min(negatives, default=math.inf)))
    return pairs


def triplet(features: Rows, labels: Sequence[int], margin: float) -> float:
    return sum(max(0.0, far - near + margin) for far, near in hardest(features, labels)) / len(labels)


def soft_triplet(features: Rows, labels: Sequence[int]) -> float:
    return sum(math.log(1 + math.exp(far - near)) for far, near in hardest(features, labels)) / len(labels)


def mined(features: Rows, labels: Sequence[int], margin: float) -> float:
    pairs = hardest(features, labels)
    return max(0.0, max(far for far, _ in pairs) - min(near for _, near in pairs) + margin)


def center(features: Rows, labels: Sequence[int], centers: Rows) -> float:
    return sum(distance(x, centers[label]) ** 2 for x, label in zip(features, labels, strict=True)) / len(labels)


def softmax(logits: Sequence[float], temperature: float = 1.0) -> list[float]:
    powers = [math.exp(value / temperature) for value in logits]
    return [power / sum(powers) for power in powers]


def smoothed_cross_entropy(logits: Rows, labels: Sequence[int], smoothing: float) -> float:
    """Images labeled -1 do not count."""
    known = [(row, label) for row, label in zip(logits, labels, strict=True) if label >= 0]
    total = 0.0
    for row, label in known:
        for identity, probability in enumerate(softmax(row)):
            share = smoothing / len(row) + (1 - smoothing) * (identity == label)
            total -= share * math.log(probability)
    return total / len(known)


def divergence(student: Rows, teacher: Rows, temperature: float) -> float:
    total = 0.0
    for mine, theirs in zip(student, teacher, strict=True):
        for p, q in zip(softmax(theirs, temperature), softmax(mine, temperature), strict=True):
            total += p * math.log(p / q)
    return temperature**2 * total / len(student)


def cosine(first: Sequence[float], second: Sequence[float]) -> float:
    zero = [0.0] * len(first)
    product = sum(a * b for a, b in zip(first, second, strict=True))
    return product / distance(first, zero) / distance(second, zero)


def similarity(student: Rows, teacher: Rows) -> float:
    count = len(student)
    return (
        sum(
            (cosine(student[i], student[j]) - cosine(teacher[i], teacher[j])) ** 2
            for i in range(count)
            for j in range(count)
        )
        / count**2
    )
