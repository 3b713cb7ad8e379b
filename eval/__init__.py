"""Metrics of re-identification and of generated images, and reports of them.

    from eval import LabeledFeatures, rank_metrics, rerank    # mAP, CMC, mINP; k-reciprocal re-ranking
    from eval import evaluate_reid                            # a model on a data set
    from eval import pair_scores, verification_metrics, open_set_metrics    # the same person, or not?
    from eval import evaluate_images, fid, kid                # sets of images
    from eval import lpips, psnr, ssim                        # pairs of images
    from eval import rank_tracks                              # the people of films, for a photograph

`eval` is also a function of Python. `import eval` would hide that function in your module: import names from the
package, as above, or write `import eval as dgnet_eval`.

Libraries are imported when a name is first used: `import eval` alone does not load torch. The parts are in `eval.reid`
(ranking, re-ranking, verification, protocols, retrieval, features in files), `eval.images` (Frechet and kernel
distance, precision and recall, SSIM, LPIPS, diversity, swap fidelity), `eval.tracks` (people in films: IDF1, HOTA, and
tracks ranked for a photograph) and `eval.report` (MetricValue, Report and its three files).
"""

from typing import TYPE_CHECKING

from dgnet.core.lazy_names import lazy_names

if TYPE_CHECKING:
    from eval.image_quality import evaluate_images
    from eval.images.perceptual import lpips
    from eval.images.psnr import psnr
    from eval.images.set_metrics import fid, kid
    from eval.images.ssim import multi_scale_ssim, ssim
    from eval.reid.labeled_features import LabeledFeatures
    from eval.reid.open_set import open_set_metrics
    from eval.reid.pair_scores import pair_scores
    from eval.reid.query_expansion import QueryExpansion
    from eval.reid.ranking import rank_metrics
    from eval.reid.rerank import KReciprocal, rerank
    from eval.reid.verification import verification_metrics
    from eval.reid_accuracy import evaluate_reid
    from eval.report.report import read_report, write_report
    from eval.report.result import MetricValue, Report
    from eval.tracks.ranking import rank_tracks

_MODULES = {
    "KReciprocal": "eval.reid.rerank",
    "LabeledFeatures": "eval.reid.labeled_features",
    "MetricValue": "eval.report.result",
    "QueryExpansion": "eval.reid.query_expansion",
    "Report": "eval.report.result",
    "evaluate_images": "eval.image_quality",
    "evaluate_reid": "eval.reid_accuracy",
    "fid": "eval.images.set_metrics",
    "kid": "eval.images.set_metrics",
    "lpips": "eval.images.perceptual",
    "multi_scale_ssim": "eval.images.ssim",
    "open_set_metrics": "eval.reid.open_set",
    "pair_scores": "eval.reid.pair_scores",
    "psnr": "eval.images.psnr",
    "rank_metrics": "eval.reid.ranking",
    "rank_tracks": "eval.tracks.ranking",
    "read_report": "eval.report.report",
    "rerank": "eval.reid.rerank",
    "ssim": "eval.images.ssim",
    "verification_metrics": "eval.reid.verification",
    "write_report": "eval.report.report",
}

__all__ = [
    "KReciprocal",
    "LabeledFeatures",
    "MetricValue",
    "QueryExpansion",
    "Report",
    "evaluate_images",
    "evaluate_reid",
    "fid",
    "kid",
    "lpips",
    "multi_scale_ssim",
    "open_set_metrics",
    "pair_scores",
    "psnr",
    "rank_metrics",
    "rank_tracks",
    "read_report",
    "rerank",
    "ssim",
    "verification_metrics",
    "write_report",
]

__getattr__, __dir__ = lazy_names(__name__, _MODULES)
