"""Explore a generator in the browser: drop images, swap them, slide between two appearances or two structures.

    python tools/explore.py                      # the latest run under outputs/
    python tools/explore.py --name market --data /data/Market-1501
    python tools/explore.py --name outputs/E0.5new_reid0.5_w30000    # the official release's folder
    python tools/explore.py --people people --people-model bnneck    # where and when was a person? A second tab

The page is served to this machine only (127.0.0.1) and loads nothing from elsewhere. It shows the nearest real images
and the identities that the network recognizes in the generated one, and with a calibration beside the weights whether a
real image is of the same person. With a gallery of tools/find_people.py a second tab answers where and when the person
of a photograph was seen, as tools/search.py does. Uploads (JPEG, PNG, WebP or BMP, up to 8 MB and 4096 pixels a side)
stay in memory and are removed at the end. Needs the extra `explorer`: pip install gradio. Ctrl-C stops it.
"""

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dgnet.core.errors import UserError, command

# isort: split
# dgnet says how idle threads wait before torch is loaded.
from torch import Tensor

from dgnet.core.calibration import SAME, Threshold, find_calibration
from dgnet.core.cli import CommandParser
from dgnet.core.content import content_hashes
from dgnet.core.numerics import open_device
from dgnet.core.operating_point import OperatingPoint
from dgnet.core.option_types import at_least, expanded_path, from_to, run_name
from dgnet.data.records import Record
from dgnet.generation.load import find_generator
from dgnet.generation.swap_pairs import one_image_per_identity
from dgnet.runs.loaded_generator import LoadedGenerator
from dgnet.video.gallery import is_gallery
from dgnet.video.tracks import pooled_tracks, remarks_on_tracks
from eval.extractor import features_of
from eval.reid.embedding_model import extractor_of, preprocessing_of
from eval.tracks.page import tracks_page
from eval.tracks.ranking import count_further, rank_tracks
from reid_heads.load import appearance_model, load_model
from visual.explorer.answers import Explorer, private_gradio
from visual.job import dataset_of_run, unseen_records
from visual.options import add_run_options

EXAMPLES, TRACKS = 24, 10


def main() -> None:
    parser = CommandParser(__doc__)
    add_run_options(parser)
    parser.add_argument("--data", type=expanded_path, metavar="DIR", help="real images (default: the run's data set)")
    parser.add_argument(
        "--neighbors",
        type=at_least(0),
        default=1000,
        help="real images to search for neighbors, 0 for none (default: 1000)",
    )
    parser.add_argument(
        "--people",
        type=expanded_path,
        metavar="DIR",
        help="a gallery of tools/find_people.py, for the tab that tells where and when a person was seen",
    )
    parser.add_argument(
        "--people-model",
        type=run_name,
        help="the re-ID model of that tab (default: the generator's appearance encoder)",
    )
    parser.add_argument(
        "--port", type=from_to(1, 65535), help="port of the page (default: the first free one from 7860)"
    )
    parser.add_argument("--browser", action="store_true", help="open the page in the browser")
    options = parser.parse_args()
    if options.people_model is not None and options.people is None:
        raise UserError(f"--people-model {options.people_model} needs --people, the gallery that it searches")
    if options.people is not None and not is_gallery(options.people):
        raise UserError(f"--people {options.people}: must be a gallery of tools/find_people.py")
    # SIGTERM ends like Ctrl-C, so that what was uploaded is removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with private_gradio():
        try:
            explore(options)
        except KeyboardInterrupt:
            print("ended", file=sys.stderr)


def explore(options: argparse.Namespace) -> None:
    """Serve the page until interrupted."""
    # Imported before anything takes long: it says if Gradio is missing.
    from visual.explorer.page import build_page, serve

    run = find_generator(options.name, options.output_path, options.iteration, open_device(options.device))
    records = real_images(run, options.data, options.neighbors)
    print(f"{run.name} after {run.iteration} iterations; {len(records)} real images to compare with", flush=True)
    explorer = Explorer(run, records, *same_person_threshold(run, records))
    search = people_search(run, options) if options.people is not None else None
    page = build_page(explorer, [record.path for record in records[:EXAMPLES]], search)
    print(f"explorer at {serve(page, options.port, options.browser)} (Ctrl-C ends it)", flush=True)
    try:
        threading.Event().wait()
    finally:
        page.close(verbose=False)


def same_person_threshold(run: LoadedGenerator, records: Sequence[Record]) -> tuple[Threshold | None, str]:
    """The threshold for "the same person" beside the run's weights, if any, and what the page says of it."""
    if not records:
        return None, ""
    calibration = find_calibration(run.files[0], preprocessing_of(appearance_model(run)))
    if calibration is None:
        return None, (
            "Whether a real image shows the same person is not said: the weights have no calibration "
            "(tools/evaluate_reid.py --calibrate writes one)."
        )
    threshold = calibration.at()
    words = [
        f"{SAME.capitalize()}: {threshold}, measured on photographs of {calibration.data}.",
        "A generated image is no photograph: there the rate may be another.",
    ]
    if not calibration.is_of(records[0].path, content_hashes([record.path for record in records])):
        words.append(f"The real images are not known to be of {calibration.data} either.")
    return threshold, " ".join(words)


def people_search(run: LoadedGenerator, options: argparse.Namespace) -> Callable[[Tensor], str]:
    """What answers with a page where and when the person of a photograph (uint8 `[3, height, width]`) was seen."""
    named = options.people_model
    model = appearance_model(run) if named is None else load_model(named, output=options.output_path, device=run.device)
    embed = partial(features_of, extractor=extractor_of(model))
    point = OperatingPoint.of(model.weights, preprocessing_of(model))
    tracks, remarks = pooled_tracks(options.people, embed), remarks_on_tracks(point, options.people)
    print(f"{options.people}: {len(tracks)} tracks, compared by {model.name}", flush=True)

    def answer(photograph: Tensor) -> str:
        features = embed(photograph[None])
        rankings = rank_tracks(features, tracks, TRACKS, threshold=point.threshold)
        further = count_further(features, tracks, TRACKS, point.threshold)
        return tracks_page([("photograph", photograph)], rankings, tracks, further=further, notes=remarks)

    return answer


def real_images(run: LoadedGenerator, data: Path | None, count: int) -> list[Record]:
    """Up to `count` images of a data set, first one of each person; none where the run's own data set is not there."""
    if data is None and not Path(run.config.data.root).exists():
        print(f"{run.config.data.root} is not there: no real images to choose or compare with", file=sys.stderr)
        return []
    records = unseen_records(dataset_of_run(run.config.data, data))
    first = one_image_per_identity(records, count, 0, "explorer")
    # A dictionary keeps the order and drops what comes again.
    return list(dict.fromkeys([*first, *records]))[:count]


if __name__ == "__main__":
    command(main)
