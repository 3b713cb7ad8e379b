"""Measure the swaps of a trained DG-Net on built-in pedestrians, whose true swaps are known.

    python tools/measure_swaps.py --name demo
    python tools/measure_swaps.py --name demo --which_epoch 600

Prints swap fidelity against the true swaps, whom a classifier that DG-Net never saw names on generated images, and the
accuracy of re-identification. That classifier is trained first, as the run NAME_witness, where it is not there yet.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor

from dgnet import pixels
from dgnet.data.cache import ImageCache
from dgnet.data.records import Dataset, Record
from dgnet.data.synthetic import SyntheticTruth
from dgnet.data.training import open_dataset
from dgnet.distributed import Distributed
from dgnet.embedding import appearance_embedding, extract, teacher_embedding
from dgnet.errors import UserError, command
from dgnet.job import Job
from dgnet.restore import StoredGenerator, load_generator
from dgnet.swap_pairs import draw_pairs, generate_pairs, render_pairs
from dgnet.teacher_training import TEACHER_FILE, StoredTeacher, load_teacher
from dgnet.witness import hold_out, witness_config
from eval.histogram import colour_histogram
from eval.identification import identification, logits_of
from eval.ranking import RankingResult, rank_metrics
from eval.report import Figure
from eval.swap_fidelity import swap_fidelity

PAIRS, SEED = 300, 0
FIDELITY, WHO, RANKING = "Swap fidelity", "Who is it?", "Re-identification"


class Stopwatch:
    """Wall seconds of named stages."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the block's seconds to the stage of that name."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began


def train_witness(job: Job, dataset: Dataset, name: str) -> Path | int:
    """The file of the witness of a run, trained where it is not there; or the exit status of an interrupted training."""
    path = job.folder(name) / TEACHER_FILE
    if not path.exists():
        config = witness_config(job.config)
        witness_job = Job(config, job.output, job.distributed, resume=(job.folder(name) / "config.yaml").exists())
        _, status = witness_job.train_teacher(hold_out(dataset)[0], name)
        if not path.exists():
            return status or 1
    return path


def fidelity_figures(stored: StoredGenerator, dataset: Dataset) -> list[Figure]:
    """Swaps of test images against their truth."""
    height, width = stored.config.data.height, stored.config.data.width
    pairs = draw_pairs([*dataset.query, *dataset.gallery], PAIRS, SEED, "swap fidelity")
    known = render_pairs(SyntheticTruth.open(dataset.root), pairs, height, width)
    result = swap_fidelity(generate_pairs(stored.network, pairs, height, width), **vars(known))
    protocol = f"{result.pairs} pairs of test images of two identities, {height}x{width}, inside the person's outline"
    figures = []
    answers = {"generated": result.generated, **result.trivial}
    notes = {
        "generated": "DG-Net's swap",
        "structure_itself": "trivial: the structure image as it is",
        "appearance_itself": "trivial: the appearance image as it is",
        "recoloured": "trivial: the structure image in the appearance's mean colour",
        "painted": "a stronger answer: six bands in the appearance's mean colours",
    }
    for name, answer in answers.items():
        figures.append(Figure(FIDELITY, f"PSNR, {name.replace('_', ' ')}", answer.psnr, "dB", protocol, notes[name]))
    for name, answer in answers.items():
        figures.append(Figure(FIDELITY, f"SSIM, {name.replace('_', ' ')}", answer.ssim, "", protocol, notes[name]))
    plain = max(answer.psnr for name, answer in result.trivial.items() if name != "painted")
    margin = result.generated.psnr
    figures += [
        Figure(
            FIDELITY,
            "margin over the best trivial answer",
            margin - plain,
            "dB",
            protocol,
            "structure itself, appearance itself, recoloured",
        ),
        Figure(FIDELITY, "margin over painted", margin - result.trivial["painted"].psnr, "dB", protocol),
        Figure(
            FIDELITY,
            "pairs won",
            100 * result.share_won,
            "%",
            protocol,
            "a higher PSNR than all four other answers to the pair",
        ),
    ]
    return figures


def who_figures(stored: StoredGenerator, witness: StoredTeacher, dataset: Dataset) -> list[Figure]:
    """Whom the witness names on images generated from training identities."""
    device = next(witness.network.parameters()).device
    label = {identity: index for index, identity in enumerate(witness.identities)}

    def classify(images: Tensor) -> Tensor:
        small = pixels.resize(images.contiguous(memory_format=torch.channels_last), witness.height, witness.width)
        return witness.network(pixels.normalise(small.to(device))).logits

    _, held_out = hold_out(dataset)
    real = ImageCache([record.path for record in held_out]).gather(
        torch.arange(len(held_out)), witness.height, witness.width
    )
    truth = torch.tensor([label[record.identity] for record in held_out])
    accuracy = float((torch.from_numpy(logits_of(classify, real)).argmax(1) == truth).double().mean())
    pairs = draw_pairs(dataset.train, PAIRS, SEED, "who is it")
    made = generate_pairs(stored.network, pairs, stored.config.data.height, stored.config.data.width)
    sources = [
        torch.tensor([label[getattr(pair, role).identity] for pair in pairs]) for role in ("appearance", "structure")
    ]
    named = identification(logits_of(classify, made), *sources)
    protocol = f"{named.images} pairs of training images of two identities, {named.classes} classes"
    return [
        Figure(
            WHO,
            "named as the appearance source",
            100 * named.appearance,
            "%",
            protocol,
            "DG-Net's claim: identity goes with appearance",
        ),
        Figure(WHO, "named as the structure source", 100 * named.structure, "%", protocol),
        Figure(WHO, "a blind guess", 100 * named.chance, "%", protocol),
        Figure(
            WHO,
            "the classifier on real images",
            100 * accuracy,
            "%",
            f"{len(held_out)} images held out of its training, one per identity",
        ),
    ]


def ranking_figures(stored: StoredGenerator, teacher: StoredTeacher | None, dataset: Dataset) -> list[Figure]:
    """The appearance encoder on the test split, beside what needs no training and what DG-Net was taught by."""
    query, gallery = (ImageCache([record.path for record in split]) for split in (dataset.query, dataset.gallery))
    height, width = stored.config.data.height, stored.config.data.width
    encoder = stored.network.appearance
    features = {
        "appearance encoder": [
            extract(cache, encoder, appearance_embedding(encoder, 0.5), height, width) for cache in (query, gallery)
        ],
        "colour histogram": [
            torch.from_numpy(colour_histogram(cache.gather(torch.arange(len(cache)), height, width)))
            for cache in (query, gallery)
        ],
    }
    if teacher is not None:
        network = teacher.network
        features["teacher"] = [
            extract(cache, network, teacher_embedding(network), teacher.height, teacher.width)
            for cache in (query, gallery)
        ]
    notes = {
        "appearance encoder": "DG-Net, alpha 0.5",
        "colour histogram": "no learning: HSV in six stripes",
        "teacher": "the classifier that DG-Net was taught by",
    }
    figures = []
    for name, (ours, theirs) in features.items():
        result = rank(ours, dataset.query, theirs, dataset.gallery)
        protocol = f"{result.valid_queries} queries, gallery of {result.gallery}, {result.protocol} protocol"
        figures.append(Figure(RANKING, f"mAP, {name}", 100 * result.mAP, "%", protocol, notes[name]))
        figures += [Figure(RANKING, f"rank {k}, {name}", 100 * share, "%", protocol) for k, share in result.cmc.items()]
    return figures


def rank(query: Tensor, queries: Sequence[Record], gallery: Tensor, records: Sequence[Record]) -> RankingResult:
    """`rank_metrics` with the labels of records."""
    labels = [[getattr(r, column) for r in split] for split in (queries, records) for column in ("identity", "camera")]
    return rank_metrics(query, labels[0], labels[1], gallery, labels[2], labels[3], ranks=(1, 5, 10))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", required=True, help="the run whose generator is measured")
    parser.add_argument("--output_path", type=Path, default=Path(), help="where its outputs/ is (default: here)")
    parser.add_argument("--which_epoch", type=int, help="iteration of the checkpoint (default: the newest)")
    parser.add_argument("--witness", help="name of the run that holds the classifier (default: NAME_witness)")
    args = parser.parse_args()
    distributed = Distributed.start("auto")
    stored = load_generator(args.output_path / "outputs" / args.name, distributed.device, args.which_epoch)
    if stored.config.data.layout != "synthetic":
        raise UserError(
            f"the run {args.name} has data.layout {stored.config.data.layout}: true swaps are known for 'synthetic' alone"
        )
    dataset = open_dataset(stored.config.data, distributed)
    job = Job(stored.config, args.output_path, distributed)
    watch = Stopwatch()
    with watch.stage("witness"):
        witness = train_witness(job, dataset, args.witness or f"{args.name}_witness")
    if isinstance(witness, int):
        return witness
    paths = stored.config.teacher.checkpoints or (job.folder(f"{stored.config.name}_teacher") / TEACHER_FILE,)
    teacher = load_teacher(paths[0], distributed.device) if paths[0].exists() else None
    figures = []
    with watch.stage("fidelity"):
        figures += fidelity_figures(stored, dataset)
    with watch.stage("who"):
        figures += who_figures(stored, load_teacher(witness, distributed.device), dataset)
    with watch.stage("ranking"):
        figures += ranking_figures(stored, teacher, dataset)
    print(f"{args.name} after {stored.iteration} iterations")
    for figure in figures:
        print(f"{figure.section:18s} {figure.name:40s} {figure.value:9.4f} {figure.unit}")
    print("; ".join(f"{name} {value:.1f} s" for name, value in watch.seconds.items()))
    return 0


if __name__ == "__main__":
    command(main)
