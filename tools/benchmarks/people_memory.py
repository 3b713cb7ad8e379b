"""Peak memory of tools/find_people.py on a film and on one that is longer."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from dgnet.core.errors import UserError
from dgnet.video.box_files import BoxTable, mot_line
from dgnet.video.boxes import NO_TRACK
from dgnet.video.film import require_av

_ROOT = Path(__file__).resolve().parents[2]


def measure_memory(args: argparse.Namespace, table: BoxTable) -> dict[str, Any]:
    """MiB by where boxes are from and whether a model takes part, then by film, for the options of `people`.

    `table`: the boxes of the film.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        films = {}
        for length, times in (("film", 1), ("longer", args.times)):
            film, boxes = folder / f"{length}.mkv", folder / f"{length}.txt"
            frames = write_repeated(args.film, film, times, args.memory_frames)
            write_repeated_boxes(table, boxes, frames, times)
            films[length] = film, boxes
        kinds = {"boxes": ["--boxes", "BOXES"]}
        if args.weights is not None:
            kinds["detector"] = ["--detector", "yolox", "--weights", str(args.weights)]
        if args.name is not None:
            kinds["boxes and model"] = [
                "--boxes",
                "BOXES",
                "--name",
                str(args.name),
                "--threshold",
                f"{args.threshold}",
            ]
        memory = {
            kind: {
                length: peak_of_find_people(
                    film, folder / f"{kind} {length}", *(str(boxes) if word == "BOXES" else word for word in options)
                )
                for length, (film, boxes) in films.items()
            }
            for kind, options in kinds.items()
        }
    return memory | {"frames": frames, "times": args.times}


def write_repeated(film: Path, path: Path, times: int, frames: int | None = None) -> int:
    """The stream of a film, or its first `frames` packets, `times` over in one file: packets are copied, and their
    times go on. The number of packets of one pass."""
    av = require_av()
    with av.open(str(path), "w") as output:
        copied, start, packets = None, 0, 0
        for _ in range(times):
            with av.open(str(film)) as container:
                stream = container.streams.video[0]
                copied = copied or output.add_stream_from_template(stream)
                end, packets = start, 0
                for packet in container.demux(stream):
                    if packet.dts is None:
                        continue
                    if packets == frames:
                        break
                    packet.pts, packet.dts = (packet.pts or packet.dts) + start, packet.dts + start
                    end, packets = max(end, packet.dts + max(packet.duration or 0, 1)), packets + 1
                    packet.stream = copied
                    output.mux(packet)
                start = end
    return packets


def write_repeated_boxes(table: BoxTable, path: Path, frames: int, times: int) -> None:
    """The boxes of the first `frames` of a film for one that is `times` as long, without tracks."""
    rows = [
        (frame, place, float(score))
        for frame, place, score in zip(table.frames.tolist(), table.boxes.places, table.boxes.scores, strict=True)
        if frame < frames
    ]
    with open(path, "w", encoding="utf-8") as file:
        for turn in range(times):
            for frame, place, score in rows:
                file.write(mot_line(frame + turn * frames, NO_TRACK, place, score))


# The peak that the system tells of a child counts what its parent held when it began: the process tells its own.
_TELL_PEAK = """
import atexit, runpy, sys
from dgnet.core.machine import peak_resident_bytes
atexit.register(lambda: print("peak", peak_resident_bytes()))
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def peak_of_find_people(film: Path, gallery: Path, *options: str) -> float:
    """MiB that a process of tools/find_people.py takes at most."""
    places = [str(film), "--to", str(gallery), "--track-score", "0.5"]
    words = [sys.executable, "-c", _TELL_PEAK, str(_ROOT / "tools/find_people.py"), *places, *options]
    search = os.pathsep.join([str(_ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": search}, check=False)
    if done.returncode:
        raise UserError(f"tools/find_people.py ended with status {done.returncode} on {film}: {done.stderr[-300:]}")
    return round(int(done.stdout.split()[-1]) / 2**20, 1)
