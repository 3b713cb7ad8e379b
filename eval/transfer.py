"""Direct transfer: the accuracy of networks on several data sets, and their thresholds on other data, as tables."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import combinations
from typing import Any

import numpy as np

from dgnet.core.errors import UserError
from eval.reid.dataset_features import query_and_gallery
from eval.reid.feature_file import StoredFeatures
from eval.reid.pair_scores import PairScores, pair_scores
from eval.reid.ranking import rank_metrics
from eval.reid.rerank import usual_reranking
from eval.reid.verification import transferred_thresholds, verification_metrics
from eval.report.accuracy import unmatched_queries

RANKS = (1, 5, 10)
_log = logging.getLogger(__name__)


def transfer_rows(features: Sequence[StoredFeatures], protocol: str = "standard") -> list[dict[str, Any]]:
    """A row for each file of features: the accuracy without and with re-ranking, verification, and what the thresholds
    of the same network on the other data sets do on this one; shares 0..1.

    Raises:
        UserError: features or labels that cannot be ranked, or two rows of one network on the same images.
    """
    _check_rows(features)
    scores = [pair_scores(*query_and_gallery(stored)) for stored in features]
    rows = [_accuracy(stored, protocol) for stored in features]
    _add_verification(rows, features, scores)
    return rows


def check_other_images(hashes: Mapping[str, frozenset[str]]) -> None:
    """`UserError` where two data sets (name -> content hashes of their test images) are the same images; a warning is
    logged where they share some: a row of the same images tells nothing about other data.
    """
    for (one, images), (other, others) in combinations(hashes.items(), 2):
        if images == others:
            raise UserError(f"{one} and {other} are the same test images: a table needs each once")
        if shared := len(images & others):
            _log.warning("warning: %d of %d test images of %s are in %s, too", shared, len(others), other, one)


def _check_rows(features: Sequence[StoredFeatures]) -> None:
    """`check_other_images` of the rows of each network; of files that do not know their images (version 0.2 or before)
    a warning is logged where all features are the same."""
    for one, other in combinations(features, 2):
        if _network(one) != _network(other):
            continue
        if one.checkable and other.checkable:
            names = (one.data, other.data) if one.data != other.data else (one.data, f"another {other.data}")
            hashes = (frozenset(d for split in row.splits.values() for d in split.content) for row in (one, other))
            check_other_images(dict(zip(names, hashes, strict=True)))
        elif one.splits.keys() == other.splits.keys() and all(
            np.array_equal(split.features, other.splits[name].features) for name, split in one.splits.items()
        ):
            _log.warning(
                "warning: two rows of %s, on %s and on %s, have the same features: the same images, perhaps",
                one.network,
                one.data,
                other.data,
            )


def _network(stored: StoredFeatures) -> tuple[str, dict[str, object], str]:
    return stored.checkpoint, dict(stored.preprocessing), stored.network


def _accuracy(stored: StoredFeatures, protocol: str) -> dict[str, Any]:
    """The accuracy of one network on one data set, without and with re-ranking, as shares 0..1."""
    query, gallery = query_and_gallery(stored)
    reranking = usual_reranking(query.identities, gallery.identities)
    mirror = stored.preprocessing.get("flip", "not told")
    entry: dict[str, Any] = {"network": stored.network, "data": stored.data, "mirror image": mirror}
    entry["checkpoint"] = stored.checkpoint
    for name, parameters in (("plain", None), ("re-ranked", reranking)):
        result = rank_metrics(query, gallery, protocol=protocol, ranks=RANKS, reranking=parameters)
        ranks = {f"rank_{rank}": share for rank, share in result.cmc.items()}
        entry[name] = {"mAP": result.mAP, "mINP": result.mINP, **ranks, "reranking": result.reranking}
    return entry | {
        "protocol": result.protocol,
        "unmatched": unmatched_queries(result),
        "queries": result.queries,
        "valid_queries": result.valid_queries,
        "gallery": result.gallery,
    }


def _add_verification(
    rows: list[dict[str, Any]], features: Sequence[StoredFeatures], scores: Sequence[PairScores]
) -> None:
    """To each row its own thresholds, and what those of the same network on other data sets do here."""
    results = [verification_metrics(pairs) for pairs in scores]
    kind = [_network(stored) for stored in features]
    for here, (entry, result) in enumerate(zip(rows, results, strict=True)):
        entry["verification"] = {
            "thresholds": {f"{rate:g}": threshold for rate, threshold in result.thresholds.items()},
            "tpr": {f"{rate:g}": share for rate, share in result.tpr.items()},
            "not_measurable": result.not_measurable,
            "pairs_of_one_person": result.positives,
            "pairs_of_two_people": result.negatives,
        }
        entry["thresholds_of_others"] = [
            {"data": rows[there]["data"], **asdict(one)}
            for there in range(len(rows))
            if there != here and kind[there] == kind[here]
            for one in transferred_thresholds(results[there], scores[here])
        ]


def transfer_table(rows: list[dict[str, Any]]) -> str:
    """The table for a terminal; figures in per cent."""
    head = [
        "network",
        "tested on",
        "mirror image",
        "mAP",
        *(f"R{rank}" for rank in RANKS),
        "mAP rr",
        *(f"R{r} rr" for r in RANKS),
    ]
    lines = [head]
    for entry in rows:
        shares = [entry[kind][key] for kind in ("plain", "re-ranked") for key in ("mAP", *(f"rank_{r}" for r in RANKS))]
        lines.append(
            [entry["network"], entry["data"], entry["mirror image"], *(f"{100 * share:.2f}" for share in shares)]
        )
    # Where a gallery is small, its re-ranking has parameters of its own.
    reranking = " or ".join(dict.fromkeys(entry["re-ranked"]["reranking"] for entry in rows))
    caption = f"per cent; rr: {reranking}; protocol {rows[0]['protocol']}"
    unmatched = [f"{entry['network']} on {entry['data']}: {entry['unmatched']}" for entry in rows if entry["unmatched"]]
    return "\n".join([_aligned(lines, left=3), caption, *unmatched])


def threshold_table(rows: list[dict[str, Any]]) -> str:
    """The table of thresholds on other data, in per cent; empty where there are none."""
    lines = [["network", "threshold of", "tested on", "FPR wanted", "threshold", "FPR", "TPR", "TPR by own"]]
    for entry in rows:
        for one in entry["thresholds_of_others"]:
            measurable = one["fpr"] >= one["resolution"]
            fpr = f"{100 * one['fpr']:.3g}" if measurable else f"< {100 * one['resolution']:.2g}"
            own = "-" if one["own_tpr"] is None else f"{100 * one['own_tpr']:.2f}"
            wanted, threshold, tpr = f"{100 * one['wanted']:g}", f"{one['threshold']:.4f}", f"{100 * one['tpr']:.2f}"
            lines.append([entry["network"], one["data"], entry["data"], wanted, threshold, fpr, tpr, own])
    return _aligned(lines, left=3) if len(lines) > 1 else ""


def _aligned(lines: list[list[str]], left: int) -> str:
    """Columns of one width each, the first `left` of them aligned to the left."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = [
        "  ".join(
            cell.ljust(w) if i < left else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]
    return "\n".join(text)
