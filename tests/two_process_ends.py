"""How often commands that run in two processes end well: each has to, however busy the machine is.

    python tests/two_process_ends.py --runs 100
    python tests/two_process_ends.py --runs 20 generate train

Each run is a whole program under torchrun that lasts some seconds, on a CPU. A line after each round tells how many
failed so far; what these said is printed.
"""

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.dgnet.generation.small_run import write_people, write_run
from tests.tools.gan_tool import ROOT, write_config

LAUNCHER = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
TOOL = ("-m", "tests.tools.narrow_tool")
JOINT = ("--config", "{place}/tiny.yaml", "--output-path", "{output}", "data.layout=market1501")
HEAD = ("--datadir", "{place}/heads", "--output-path", "{output}", "data.height=64", "data.width=48", "run.device=cpu")
COMMANDS = {
    "ranks": ("tests/dgnet/core/two_ranks.py", "{output}"),
    "train_gan": (*TOOL, "train_gan", *JOINT, "schedule.iterations=2"),
    "train_teacher": (*TOOL, "train_teacher", *JOINT),
    "train": (*TOOL, "train", *HEAD, "--model-name", "resnet18", "--batch-size", "8", "schedule.epochs=1"),
    "train_mgn": (*TOOL, "train_mgn", *HEAD, "--batchid", "2", "--epochs", "1", "model.options.trunk=resnet18"),
    "generate": (
        *("tools/generate.py", "--name", "small", "--output-path", "{place}", "--device", "cpu", "--count", "30"),
        *("--output", "{output}/set"),
    ),
}


def status_of(name: str, place: Path) -> int:
    """The exit status of one run of a command; what it said is printed where that is not 0."""
    with tempfile.TemporaryDirectory() as output:
        words = [word.format(place=place, output=output) for word in (*LAUNCHER, *COMMANDS[name])]
        done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        print(done.stderr)
    return done.returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commands", nargs="*", metavar="COMMAND", help=f"of {', '.join(COMMANDS)} (default: all)")
    parser.add_argument("--runs", type=int, default=100, help="of each command (default: 100)")
    args = parser.parse_args()
    names = args.commands or list(COMMANDS)
    failed: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        write_run(Path(folder))
        write_people(Path(folder) / "heads", identities=range(1, 9))
        write_config(Path(folder))
        for count in range(1, args.runs + 1):
            for name in names:
                failed[name] += status_of(name, Path(folder)) != 0
            print(", ".join(f"{name}: {failed[name]} of {count} failed" for name in names), flush=True)
    return 1 if failed.total() else 0


if __name__ == "__main__":
    sys.exit(main())
