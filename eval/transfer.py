"""Direct transfer: the accuracy of networks on several data sets, and their thresholds on other data, as tables."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from eval.reid.dataset_features import query_and_gallery
from eval.reid.feature_file import StoredFeatures
from eval.reid.pair_scores import PairScores, pair_scores
from eval.reid.ranking import rank_metrics
from eval.reid.rerank import usual_reranking
from eval.reid.verification import transferred_thresholds, verification_metrics
from eval.report.accuracy import unmatched_queries

RANKS = (1, 5, 10)


def transfer_rows(features: Sequence[StoredFeatures], protocol: str = "standard") -> list[dict[str, Any]]:
    """A row for each file of features: the accuracy without and with re-ranking, verification, and what the thresholds
    of the same network on the other data sets do on this one; shares 0..1.

    Raises:
        UserError: features or labels that cannot be ranked.
    """
    scores = [pair_scores(*query_and_gallery(stored)) for stored in features]
    rows = [_accuracy(stored, protocol) for stored in features]
    _add_verification(rows, features, scores)
    return rows


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
    kind = [(stored.checkpoint, dict(stored.preprocessing), stored.network) for stored in features]
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
