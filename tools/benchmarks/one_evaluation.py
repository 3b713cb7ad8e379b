"""One side of `tools/bench.py eval`, in a process that imports no more than it needs; prints a line of JSON.

python -m tools.benchmarks.one_evaluation ours|torchreid ranking|reranking|reranked_ranking FOLDER
"""

import importlib.util
import json
import sys
import time
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from dgnet.core.errors import UserError

SIDES = ("query", "gallery")


def main(side: str, task: str, folder: Path) -> dict[str, Any]:
    """Seconds and peak memory of one task, and what it found."""
    features, ids, cameras = (
        [np.load(folder / f"{split}_{column}.npy") for split in SIDES] for column in ("features", "ids", "cameras")
    )
    if side == "ours":
        from eval.reid.labeled_features import LabeledFeatures
        from eval.reid.ranking import rank_metrics
        from eval.reid.rerank import KReciprocal, rerank
    else:
        from torch import from_numpy
        from torch.nn.functional import normalize

        distance = torchreid(folder, "reid/metrics/distance.py").compute_distance_matrix
        evaluate = torchreid(folder, "reid/metrics/rank.py").evaluate_rank
        re_ranking = torchreid(folder, "reid/utils/rerank.py").re_ranking
    found: dict[str, Any] = {"held_bytes": peak()}
    began = time.perf_counter()
    if side == "ours" and task != "reranking":
        sides = map(LabeledFeatures, features, ids, cameras)
        result = rank_metrics(*sides, reranking=KReciprocal() if task == "reranked_ranking" else None)
        found |= {"mAP": result.mAP, "rank_1": result.cmc[1]}
    elif side == "ours":
        rerank(*features)
    else:
        query, gallery = (normalize(from_numpy(part)) for part in features)
        plain = distance(query, gallery).numpy()
        if task == "ranking":
            cmc, mean = evaluate(plain, *ids, *cameras, use_cython=False)
            found |= {"mAP": float(mean), "rank_1": float(cmc[0])}
        else:
            # As its own engine does: distances that are squared already, and that the re-ranking squares again.
            re_ranking(plain, distance(query, query).numpy(), distance(gallery, gallery).numpy())
    seconds = time.perf_counter() - began
    return found | {"seconds": seconds, "peak_memory_bytes": peak()}


def torchreid(folder: Path, file: str) -> ModuleType:
    """One module of the installed package, without the package."""
    specification = importlib.util.spec_from_file_location(Path(file).stem, folder / "torchreid" / file)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that its compiled version is not there
        specification.loader.exec_module(module)
    return module


def peak() -> int:
    """The most memory of this process so far, in bytes."""
    status = Path("/proc/self/status")
    if not status.exists():
        raise UserError("this comparison of memory runs on Linux: there is no /proc/self/status here")
    (line,) = [line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))))
