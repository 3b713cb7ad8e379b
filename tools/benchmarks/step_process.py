"""An iteration measured in a process of its own."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from dgnet.core.errors import UserError
from dgnet.core.json_files import parse_json

ROOT = Path(__file__).resolve().parents[2]


def measure_in_process(
    kind: str, config: Path, settings: list[str], *, batch: int, identities: int, iterations: int
) -> dict[str, Any]:
    """What `tools/bench.py step --one KIND` answers: seconds of each iteration, peak memory in bytes.

    Args:
        kind: "ours", "naive", or "returned": ours with freed memory going back to the system, as glibc does by itself.
    """
    words = [sys.executable, str(ROOT / "tools" / "bench.py"), "step", "--one", kind, *settings]
    words += ["--config", str(config), "--batch-size", str(batch)]
    words += ["--identities", str(identities), "--iterations", str(iterations)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(
            f"the measuring process of {kind} ended with status {done.returncode}: {done.stderr.strip()[-500:]}"
        )
    return parse_json(done.stdout.splitlines()[-1])
