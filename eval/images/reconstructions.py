"""Reconstructions: a generated image beside the image that it should be."""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from dgnet.core import pixels
from dgnet.core.images import read_image
from dgnet.core.random_draws import permutation, rng
from eval.datasets import ImageRecord, Splits
from eval.generator import Generate
from eval.images.fidelity import Measure, fidelity_metrics
from eval.images.ssim import most_scales
from eval.report.result import MetricValue


def reconstruction_metrics(
    generate: Generate,
    dataset: Splits,
    measures: Iterable[Measure],
    size: tuple[int, int],
    count: int,
    seed: int,
) -> list[MetricValue]:
    """Fidelity of test images (without test images: of training images) reconstructed from themselves, and from
    another image of their identity."""
    records = [record for record in (*dataset.query, *dataset.gallery) if record.identity > 0]
    source = "test images" if records else "training images"
    records = records or list(dataset.train)
    measures = list(measures)
    metrics = []
    for name, pairs in reconstruction_pairs(records, count, seed).items():
        protocol = f"clean: {len(pairs)} {source}, {size[0]}x{size[1]}, {most_scales(*size)} scales for MS-SSIM"
        metrics += fidelity_metrics(_beside_the_truth(generate, records, pairs, size), measures, protocol, name=name)
    return metrics


def reconstruction_pairs(records: Sequence[ImageRecord], count: int, seed: int) -> dict[str, list[tuple[int, int]]]:
    """(appearance, structure) indices by kind of reconstruction; the structure is the image that should come out.

    At most `count` of a kind, a pure function of the arguments; kinds without a pair are left out.
    """
    chosen = sorted(permutation(seed, "reconstructed", 0, len(records))[:count].tolist())
    images_of: dict[int, list[int]] = {}
    for index, record in enumerate(records):
        images_of.setdefault(record.identity, []).append(index)
    uniform = rng(seed, "appearances of reconstructed").random(len(records))
    others = []
    for index in chosen:
        same = [other for other in images_of[records[index].identity] if other != index]
        if same:
            others.append((same[int(uniform[index] * len(same))], index))
    kinds = {"self-reconstruction": [(index, index) for index in chosen], "same-identity reconstruction": others}
    return {kind: pairs for kind, pairs in kinds.items() if pairs}


def _beside_the_truth(
    generate: Generate, records: Sequence[ImageRecord], pairs: list[tuple[int, int]], size: tuple[int, int]
) -> Iterator[tuple[Tensor, Tensor]]:
    for batch in generate(records, pairs):
        paths = [records[pairs[position][1]].path for position in batch.positions]
        yield batch.images, torch.cat([pixels.resize(read_image(path)[None], *size) for path in paths])
