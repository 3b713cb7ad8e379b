"""The machine that a measured figure stands beside: processor, memory, GPUs, and the versions of the libraries."""

import contextlib
import os
import platform
import re
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_LIBRARIES = ("torchvision", "numpy", "scipy", "scikit-image", "pillow")


def usable_cores() -> int:
    """The CPU cores that this process may use: as many threads decode images."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else (os.cpu_count() or 1)


def machine() -> dict[str, Any]:
    """CPU model, usable cores, torch's threads, memory in GiB, names of the GPUs, operating system."""
    import torch  # here: who only asks for cores need not wait for it

    gpus = range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    facts = {
        "cpu": cpu_model(),
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "gpus": [torch.cuda.get_device_name(index) for index in gpus],
        "system": f"{platform.system()} {platform.machine()}",
    }
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        facts["memory"] = f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"
    return facts


def versions() -> dict[str, Any]:
    """Python, torch (whose suffix tells CUDA or CPU), CUDA, and the libraries that figures depend on, as installed."""
    import torch

    numbers = {"python": platform.python_version(), "torch": str(torch.__version__), "cuda": torch.version.cuda}
    for name in _LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            numbers[name] = metadata.version(name)
    return numbers


def cpu_model() -> str:
    """The processor's name, as the system tells it."""
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        match = re.search(
            r"^model name\s*:\s*(.+)$", listing.read_text(encoding="utf-8", errors="replace"), re.MULTILINE
        )
        if match:
            return match[1].strip()
    return platform.processor() or platform.machine()


def peak_resident_bytes() -> int | None:
    """The most memory that this process has had, in bytes; None where the system does not tell it (Windows)."""
    status = Path("/proc/self/status")
    # Unlike getrusage's, the figure does not begin with what the parent process used.
    if status.exists() and (match := re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii"))):
        return int(match[1]) * 1024
    if resource is None:
        return None
    peak = int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    return peak if sys.platform == "darwin" else peak * 1024  # Linux counts in KiB
