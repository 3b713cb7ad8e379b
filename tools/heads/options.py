"""Options that users of the bag of tricks and of MGN-pytorch know, and the settings that they stand for."""

import argparse
from pathlib import Path

from dgnet.core.cli import add_output_path
from dgnet.core.errors import UserError
from dgnet.core.option_types import above, at_least, expanded_path, folder_name
from reid_heads.config import ReIDConfig
from reid_heads.generated.label_policies import POLICIES
from tools.evaluation.options import add_mirrored_option

CONFIGS = Path(__file__).resolve().parents[2] / "configs" / "heads"
MGN_CONFIG = CONFIGS / "mgn.yaml"
KD = "_kd"
# The source's feature_loss_coefficient.
STAGE_FEATURES = 0.03


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """--output-path, --resume, --reset and --max-hours."""
    add_output_path(parser)
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint of this run")
    parser.add_argument("--reset", action="store_true", help="begin anew; an old run of this name becomes NAME.old_1")
    parser.add_argument("--max-hours", type=above(0), help="save and leave after this many hours")


def baseline_config(args: argparse.Namespace) -> Path:
    """The configuration that `tools/train.py` takes where none is given."""
    distils = args.kd or (args.model_name or "").endswith(KD)
    return CONFIGS / ("self_distillation.yaml" if distils else "bnneck.yaml")


def baseline_settings(args: argparse.Namespace, config: ReIDConfig) -> dict[str, object]:
    """What the options of `tools/train.py` set, on top of `config`.

    Raises:
        UserError: a batch that is no whole number of identities, or a weight of distillation without it.
    """
    name = args.model_name or (config.head.name if args.kd else None)
    if args.kd and name and not name.endswith(KD):
        name += KD
    distils = args.kd or (name or config.head.name).endswith(KD)
    coefficient = args.feature_loss_coefficient
    if coefficient is not None and not distils:
        raise UserError("--feature-loss-coefficient weighs self-distillation: give --kd, too, or a head named ..._kd")
    if coefficient is None and args.kd and config.distillation.stage_features == 0:
        coefficient = STAGE_FEATURES
    return {
        "name": args.name if args.name is not None else None if args.config else name,
        "head.name": name,
        "head.weights": args.model_path,
        "data.root": args.data,
        "data.identities": _identities(args.batch_size, config.data.images_per_identity),
        "test.batch_size": args.test_batch_size,
        "schedule.epochs": args.epochs,
        "distillation.stage_features": coefficient,
    }


def _identities(images: int | None, of_each: int) -> int | None:
    if images is None:
        return None
    if images % of_each or images < 2 * of_each:
        raise UserError(
            f"--batch-size must be a multiple of data.images_per_identity ({of_each}) and at least twice that, "
            f"got {images}"
        )
    return images // of_each


def add_test_options(parser: argparse.ArgumentParser) -> None:
    """What `tools/test.py` reads beside the file."""
    parser.add_argument("--data", "--datadir", type=expanded_path, metavar="DIR", help="the data set (default: data/)")
    parser.add_argument(
        "--batch-size", "--TEST-IMS-PER-BATCH", type=at_least(1), help="images at a time (default: 128)"
    )
    add_mirrored_option(parser)


def add_mgn_options(parser: argparse.ArgumentParser) -> None:
    """The options of MGN-pytorch; what is not given is as in configs/heads/mgn.yaml, switches are off."""
    parser.add_argument("--data", "--datadir", type=expanded_path, metavar="DIR", help="the data set (default: data/)")
    parser.add_argument("--batchid", type=at_least(2), help="P: identities in a batch")
    parser.add_argument("--batchimage", type=at_least(1), help="K: images of each")
    parser.add_argument("--test-batch-size", "--batchtest", type=at_least(1), help="images at a time in tests")
    parser.add_argument("--height", type=at_least(64), help="of the images, in pixels")
    parser.add_argument("--width", type=at_least(48), help="of the images, in pixels")
    parser.add_argument("--pool", choices=("avg", "max"), help="pooling of globals and stripes")
    parser.add_argument("--feats", type=at_least(1), help="numbers per part")
    parser.add_argument("--stripes", choices=("1-2-3", "1-2-4", "1-3-4"), help="of the three branches")
    parser.add_argument("--epochs", type=at_least(1), help="length of the training")
    parser.add_argument("--test-every", type=at_least(0), metavar="EPOCHS", help="0: never")
    parser.add_argument("--loss", help="such as 1*CrossEntropy+2*Triplet+0.005*CenterLoss, or with MSMLoss")
    parser.add_argument("--margin", type=float, help="of Triplet and MSMLoss")
    parser.add_argument("--optimizer", help="ADAM, SGD, NADAM or RMSprop")
    parser.add_argument("--amsgrad", action="store_true", help="of ADAM")
    parser.add_argument("--lr", type=float, help="learning rate")
    parser.add_argument("--momentum", type=float, help="of SGD and RMSprop")
    parser.add_argument("--weight-decay", type=float)
    parser.add_argument("--decay-type", help="such as step_320_380, or constant")
    parser.add_argument("--gamma", type=float, help="factor of each decay")
    parser.add_argument("--random-erasing", action="store_true", help="of every other image")
    parser.add_argument("--re-rank", action="store_true", help="figures after re-ranking in every test while training")
    parser.add_argument("--name", "--save", type=folder_name, metavar="NAME", help="folder of the run (default: mgn)")
    parser.add_argument("--pre-train", type=expanded_path, metavar="FILE", help="weights to begin with, or to test")
    parser.add_argument("--test-only", action="store_true", help="measure --pre-train and leave")
    parser.add_argument("--nGPU", type=at_least(1), default=1, help="GPUs; for several start it by torchrun")
    parser.add_argument("--cpu", action="store_true", help="use no GPU")


def mgn_settings(args: argparse.Namespace) -> dict[str, object]:
    """What the options of `tools/train_mgn.py` set."""
    return {
        "name": args.name,
        "data.root": args.data,
        "data.identities": args.batchid,
        "data.images_per_identity": args.batchimage,
        "data.height": args.height,
        "data.width": args.width,
        "data.erasing": 0.5 if args.random_erasing else 0.0,
        "head.options.pooling": args.pool,
        "head.options.features": args.feats,
        "head.options.stripes": args.stripes,
        "head.weights": None if args.test_only else args.pre_train,
        "loss.terms": args.loss,
        "loss.margin": args.margin,
        "optimizer.name": args.optimizer,
        "optimizer.amsgrad": args.amsgrad,
        "optimizer.learning_rate": args.lr,
        "optimizer.momentum": args.momentum,
        "optimizer.weight_decay": args.weight_decay,
        "schedule.epochs": args.epochs,
        "schedule.decay": args.decay_type,
        "schedule.gamma": args.gamma,
        "test.every": args.test_every,
        "test.batch_size": args.test_batch_size,
        "test.re_rank": args.re_rank,
        "run.device": "cpu" if args.cpu else None,
    }


def policies_in_words() -> str:
    """What generated.label may be, for --help."""
    return "\n".join(
        ["generated.label, what a head is told about a generated image:"]
        + [f"  {name:<13} {policy.meaning}" for name, policy in POLICIES.items()]
    )
