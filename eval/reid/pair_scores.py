"""How similar pairs of images are: the counts and best scores that verification and open-set identification need.

One pass over the cosines of all queries and gallery images, in blocks: no matrix of that size is kept. A cosine is
counted in steps of 2^-20 (about 1e-6), so that counts at every threshold that is a multiple of a step are exact.
Memory: 32 MiB of counts, three numbers a query and one block, however many pairs there are.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from eval.arrays import checked_features
from eval.reid.distance import joined_unit_features, order_keys, row_blocks, squared_distances
from eval.reid.labeled_features import LabeledFeatures
from eval.reid.labels import UNKNOWN_CAMERA, RankingLabels

STEPS = 2**20
KNOWN_CAMERAS, ANY_CAMERAS = "by two known cameras", "of whatever camera"
_BINS = 2 * STEPS + 1
_LATE = torch.iinfo(torch.int64).max


@dataclass(frozen=True)
class PairScores:
    """The similarities (cosines, -1 to 1) of pairs of a query and a gallery image.

    Attributes:
        positives: how many pairs of one person have each similarity: entry k counts those from `k / STEPS - 1` to
            below `(k + 1) / STEPS - 1`.
        negatives: the same for pairs of two people.
        pairs: which pairs count, in words.
        right: of each query the largest similarity to its own person by another camera; -infinity where there is none.
        wrong: of each query the largest similarity to another person; -infinity where there is none.
        first: whether the image at rank 1, as `eval.rank_metrics` ranks, is of the query's person.
    """

    positives: Int64[np.ndarray, " step"]
    negatives: Int64[np.ndarray, " step"]
    pairs: str
    right: Float[np.ndarray, " query"]
    wrong: Float[np.ndarray, " query"]
    first: Bool[np.ndarray, " query"]


@dataclass(frozen=True)
class PairBlock:
    """The pairs of some queries with the whole gallery without junk.

    Attributes:
        cosines: exact, float64.
        steps: the step that each is counted in.
        match: pairs of one person by two cameras.
        other: pairs of two people.
        counted: pairs that verification counts, of one person or of two.
    """

    rows: slice
    cosines: Float[Tensor, "query gallery"]
    steps: Int64[Tensor, "query gallery"]
    match: Bool[Tensor, "query gallery"]
    other: Bool[Tensor, "query gallery"]
    counted: Bool[Tensor, "query gallery"]


class Pairs:
    """All pairs of two sides, a block at a time.

    A pair counts where both cameras are known and differ. Where no camera is known at all, every pair counts. Where
    both sides are the same images (as with leave one out), each pair of them counts once. Junk takes no part, and
    distractors are people like others.

    Raises:
        UserError: as `eval.rank_metrics`, for labels or features that do not fit.
    """

    def __init__(self, query: LabeledFeatures, gallery: LabeledFeatures) -> None:
        first, second = (
            checked_features(f"{name}.features", side.features)
            for name, side in (("query", query), ("gallery", gallery))
        )
        self.labels = RankingLabels.of(query, gallery, first.device)
        features = joined_unit_features(first, second, self.labels.kept)
        self.query, self.gallery = features[: len(first)], features[len(first) :]
        labels = self.labels
        self.without_cameras = bool(
            (labels.query_cameras == UNKNOWN_CAMERA).all() and (labels.gallery_cameras == UNKNOWN_CAMERA).all()
        )
        self.once = (
            torch.equal(self.query, self.gallery)
            and torch.equal(labels.query_identities, labels.gallery_identities)
            and torch.equal(labels.query_cameras, labels.gallery_cameras)
        )

    @property
    def words(self) -> str:
        """Which pairs count."""
        cameras = f"{ANY_CAMERAS} (none is known)" if self.without_cameras else KNOWN_CAMERAS
        return f"{'two images' if self.once else 'a query and a gallery image'} {cameras}"

    def blocks(self) -> Iterator[PairBlock]:
        """All blocks, in the order of the queries."""
        labels = self.labels
        places = torch.arange(len(self.gallery), device=self.gallery.device)
        for rows in row_blocks(len(self.query), len(self.gallery)):
            cosines = squared_distances(self.query[rows], self.gallery).div_(-2).add_(1)
            steps = (cosines * STEPS).floor_().to(torch.int64).add_(STEPS).clamp_(0, _BINS - 1)
            same = labels.query_identities[rows, None] == labels.gallery_identities
            if self.without_cameras:
                counted, match = torch.ones_like(same), same
            else:
                first, second = labels.query_cameras[rows, None], labels.gallery_cameras
                counted = (first != second) & (first != UNKNOWN_CAMERA) & (second != UNKNOWN_CAMERA)
                match = same & counted
            if self.once:
                counted, match = counted & (places > places[rows, None]), match & (places != places[rows, None])
            yield PairBlock(rows, cosines, steps, match, ~same, counted)


def pair_scores(query: LabeledFeatures, gallery: LabeledFeatures) -> PairScores:
    """The similarities of all pairs, counted; `UserError` as `Pairs`.

    Example:
        >>> import numpy as np
        >>> from eval import LabeledFeatures
        >>> from eval.reid.pair_scores import pair_scores
        >>> query = LabeledFeatures(np.eye(2), identities=np.array([7, 8]), cameras=np.array([1, 1]))
        >>> gallery = LabeledFeatures(np.eye(2), identities=np.array([7, 9]), cameras=np.array([2, 2]))
        >>> scores = pair_scores(query, gallery)
        >>> int(scores.positives.sum()), int(scores.negatives.sum()), scores.right.tolist()
        (1, 3, [1.0, -inf])
    """
    pairs = Pairs(query, gallery)
    device = pairs.query.device
    counts = torch.zeros(2, _BINS, dtype=torch.int64, device=device)
    right, wrong, first = [], [], []
    for block in pairs.blocks():
        for number, chosen in enumerate((block.match, block.other)):
            counts[number] += torch.bincount(block.steps[chosen & block.counted], minlength=_BINS)
        right.append(block.cosines.masked_fill(~block.match, -torch.inf).amax(dim=1).cpu())
        wrong.append(block.cosines.masked_fill(~block.other, -torch.inf).amax(dim=1).cpu())
        # Equally near images go by the gallery's order, as in every ranking.
        keys = order_keys(2 - 2 * block.cosines, 4.0)
        nearest = [keys.masked_fill(~chosen, _LATE).amin(dim=1) for chosen in (block.match, block.other)]
        first.append((nearest[0] < nearest[1]).cpu())
    positives, negatives = counts.cpu().numpy()
    return PairScores(
        positives, negatives, pairs.words, torch.cat(right).numpy(), torch.cat(wrong).numpy(), torch.cat(first).numpy()
    )
