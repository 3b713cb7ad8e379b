"""Command-line options of a measurement of re-identification accuracy: protocol, query expansion and re-ranking."""

import argparse

from dgnet.core.errors import UserError
from dgnet.core.option_types import at_least, between
from eval.datasets import TestSplits
from eval.feature_joining_options import add_feature_joining_options, check_feature_joining_options
from eval.reid.labeled_features import labels_of
from eval.reid.labels import JUNK
from eval.reid.query_expansion import QueryExpansion
from eval.reid.rerank import KReciprocal, usual_reranking
from eval.reid.single_gallery_shot import PROTOCOL as SINGLE_SHOT
from eval.report.accuracy import PROTOCOLS


def add_accuracy_options(parser: argparse.ArgumentParser) -> None:
    """--protocol, --repetitions, --seed, --expansion, --expansion-alpha, --k1, --k2 and --lambda; and those of
    `add_feature_joining_options`."""
    parser.add_argument(
        "--protocol", choices=tuple(PROTOCOLS), default="standard", help="protocol of the accuracy (default: standard)"
    )
    parser.add_argument(
        "--repetitions", type=at_least(1), help=f"{SINGLE_SHOT}: number of random galleries (default: 10)"
    )
    parser.add_argument(
        "--seed",
        type=at_least(0),
        help=f"seed of the galleries of {SINGLE_SHOT}, or of the structures of --generator (default: 0)",
    )
    parser.add_argument(
        "--expansion", type=at_least(1), metavar="N", help="gallery images averaged with each query (default: none)"
    )
    parser.add_argument(
        "--expansion-alpha",
        type=between(0.0),
        metavar="A",
        help="their weight is cosine ** A (default: 0, the plain mean)",
    )
    add_feature_joining_options(parser)
    parser.add_argument(
        "--k1",
        type=at_least(1),
        help="re-ranking: size of the k-reciprocal neighborhoods (default: 20, less in a small set)",
    )
    parser.add_argument(
        "--k2", type=at_least(1), help="re-ranking: neighbors of the query expansion (default: 6, likewise)"
    )
    parser.add_argument(
        "--lambda",
        dest="weight",
        type=between(0.0, 1.0),
        help="re-ranking: weight of the original distance (default: 0.3)",
    )


def check_accuracy_options(args: argparse.Namespace) -> None:
    """`UserError` for options that do not belong together."""
    single_shot = args.protocol == SINGLE_SHOT
    if not single_shot and args.repetitions is not None:
        raise UserError(f"--repetitions belongs to --protocol {SINGLE_SHOT}, the protocol is {args.protocol}")
    if not single_shot and args.seed is not None and args.generator is None:
        raise UserError(
            f"--seed belongs to --protocol {SINGLE_SHOT} or to --generator, the protocol is {args.protocol}"
        )
    for name in ("expansion", "centralization", "generator"):
        if single_shot and getattr(args, name) is not None:
            raise UserError(f"--{name} belongs to every protocol but {SINGLE_SHOT}")
    check_feature_joining_options(args)
    if args.expansion is None and args.expansion_alpha is not None:
        raise UserError("--expansion-alpha weighs the images of --expansion: give that, too")


def chosen_expansion(args: argparse.Namespace) -> QueryExpansion | None:
    """That of --expansion, if it was given."""
    return None if args.expansion is None else QueryExpansion(args.expansion, args.expansion_alpha or 0.0)


def chosen_reranking(
    dataset: TestSplits, k1: int | None, k2: int | None, weight: float | None, expansion: int | None = None
) -> KReciprocal:
    """The parameters that were asked for, each that was not as in `usual_reranking`.

    Raises:
        UserError: a neighborhood (that of the query `expansion`, too) larger than what there is: known before any
            feature is computed.
    """
    identities, gallery_identities = (labels_of(split)[0] for split in (dataset.query, dataset.gallery))
    gallery = int((gallery_identities != JUNK).sum())
    images = len(identities) + gallery
    for name, asked, largest in (("--k1", k1, images - 1), ("--k2", k2, images), ("--expansion", expansion, gallery)):
        if asked is not None and asked > largest:
            there = f"the {len(identities)} queries and {gallery} gallery images of {dataset.root} without junk"
            raise UserError(f"{name} must be at most {largest} with {there}, got {asked}")
    usual = usual_reranking(identities, gallery_identities)
    return KReciprocal(
        usual.k1 if k1 is None else k1, usual.k2 if k2 is None else k2, usual.weight if weight is None else weight
    )
