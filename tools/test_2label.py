"""Test DG-Net's embedding as the official code does: primary features and fine-grained ones, weighted by alpha.

    python tools/test_2label.py --name NAME --iteration 100000
    python tools/test_2label.py --name NAME --multi --data /data/Market-1501

NAME is a run below OUTPUT/outputs, a run's folder, one of its checkpoints, or an outputs/NAME of the official release.
Prints the official table: alpha 0 (primary alone), 0.5, and the fine-grained features alone (-1 there), each without
and with re-ranking; --multi adds multi-query: the mean of all images of the query's person by its camera. The protocol
is `dgnet`, as of the published figures, unless --protocol says otherwise.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.errors import UserError, command

# isort: split
# dgnet says how idle threads wait before torch is loaded.
import numpy as np
import torch

from dgnet.core.checkpoint import file_hash
from dgnet.core.cli import CommandParser, add_mirrored, add_run
from dgnet.core.distributed import Distributed
from dgnet.core.numerics import open_device
from dgnet.core.option_types import expanded_path, path_ending
from dgnet.data.datasets import LAYOUTS
from dgnet.data.description import print_dataset
from dgnet.data.query_gallery import add_split_options, read_test_data, split_of
from dgnet.data.training_data import open_dataset, require_data_of_run
from dgnet.generation.load import find_generator
from dgnet.models.embedding import appearance_embedding
from dgnet.models.frozen import evaluating
from eval.options import add_device_options
from eval.reid.dataset_features import features_of_dataset, query_and_gallery
from eval.reid.multi_query import mean_of_each_query
from eval.reid.ranking import PROTOCOLS, rank_metrics
from eval.reid.rerank import usual_reranking
from eval.report.accuracy import unmatched_queries
from reid_heads.load import appearance_model
from reid_heads.run_data import warn_of_training_images

FINE_ALONE = float("inf")
ALPHAS = (0.0, 0.5, FINE_ALONE)
RANKS = (1, 5, 10)


def arguments() -> argparse.Namespace:
    parser = CommandParser(__doc__)
    add_run(parser)
    parser.add_argument("--multi", action="store_true", help="also multi-query (the images of gt_bbox)")
    parser.add_argument(
        "--data", type=expanded_path, metavar="DIR", help="the data set (default: the one it was trained on)"
    )
    parser.add_argument("--layout", default="auto", help=f"layout of --data: auto (default), {', '.join(LAYOUTS)}")
    parser.add_argument(
        "--protocol", choices=PROTOCOLS, default="dgnet", help="protocol of the accuracy (default: dgnet)"
    )
    parser.add_argument(
        "--features",
        type=path_ending(".npz"),
        metavar="FILE",
        help="an .npz file to read the features from or save them to",
    )
    add_split_options(parser)
    add_mirrored(parser)
    add_device_options(parser)
    args = parser.parse_args()
    if args.multi and (args.leave_one_out or args.without_cameras):
        raise UserError(
            "--multi takes several images by the query's camera: not with --leave-one-out, --without-cameras"
        )
    return args


def main() -> int:
    args = arguments()
    generator = find_generator(args.name, args.output_path, args.iteration, open_device(args.device))
    encoder, size = generator.network.appearance, generator.config.data
    if not args.data:
        require_data_of_run(size)
    split = split_of(args)
    whole = read_test_data(args.data, args.layout) if args.data else open_dataset(size, Distributed.start("cpu"))
    print_dataset(whole)
    dataset = split.of(whole)
    with torch.no_grad(), evaluating(encoder):
        one = torch.zeros(1, 3, size.height, size.width, device=next(encoder.parameters()).device)
        fine = appearance_embedding(encoder, FINE_ALONE)(one).shape[1]
    mirrored = args.mirrored is not False
    # Both halves with weight 1: each alpha is made of them.
    both = appearance_model(generator, mirrored=mirrored, alpha=1.0)
    # Of the official files the one of the appearance encoder.
    weights = next((file for file in generator.files if file.name.startswith("id_")), generator.files[0])
    warn_of_training_images(weights, dataset)
    stored = features_of_dataset(
        dataset,
        both,
        file_hash(weights),
        network=f"{generator.name} after {generator.iteration} iterations",
        data=split.name_of(dataset),
        more={"embedding": "primary and fine-grained, each of unit length", "fine": fine},
        multi_query=dataset.multi_query if args.multi else None,
        file=args.features,
        batch=args.batch_size,
        workers=args.workers,
    )
    query, gallery = query_and_gallery(stored)
    reranking = usual_reranking(query.identities, gallery.identities)
    view = "image and mirror image" if mirrored else "image alone"
    print(f"{stored.network} on {stored.data}: {len(query)} queries, {len(gallery)} gallery images, {view}")
    for multi in (False, True) if args.multi else (False,):
        for parameters in (None, reranking):
            print(
                f"{'multi' if multi else 'single'} query, protocol {args.protocol}, re-ranking: {parameters or 'none'}"
            )
            for alpha in ALPHAS:
                queries = at_alpha(query.features, alpha, fine)
                if multi:
                    several = stored.splits["multi_query"]
                    images = replace(several, features=at_alpha(several.features, alpha, fine))
                    queries = mean_of_each_query(images, query.identities, query.cameras).numpy()
                result = rank_metrics(
                    replace(query, features=queries),
                    replace(gallery, features=at_alpha(gallery.features, alpha, fine)),
                    protocol=args.protocol,
                    ranks=RANKS,
                    reranking=parameters,
                )
                ranks = " ".join(f"Rank@{rank}:{share:.6f}" for rank, share in result.cmc.items())
                print(f"Alpha:{-1 if alpha == FINE_ALONE else alpha:.2f} {ranks} mAP:{result.mAP:.6f}")
    if unmatched := unmatched_queries(result):
        print(unmatched)
    return 0


def at_alpha(features: np.ndarray, alpha: float, fine: int) -> np.ndarray:
    """The embedding `[image, primary + fine]` at that alpha, of features whose halves have unit length."""
    primary, fine_grained = features[:, :-fine], features[:, -fine:]
    return fine_grained if alpha == FINE_ALONE else np.concatenate([primary, np.float32(alpha) * fine_grained], axis=1)


if __name__ == "__main__":
    command(main)
