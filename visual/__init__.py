"""Pictures of what a generator does, and of trainings and ranked lists. `show_*.py` are commands.

from dgnet import load_generator
from visual import swap_grid

generator = load_generator("outputs/market")
picture = swap_grid(people, people, generator.swap_all(people, people))  # uint8 [height, width, 3]
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visual.drawing.grid import swap_grid

__all__ = ["swap_grid"]


def __getattr__(name: str) -> Any:
    if name != "swap_grid":
        raise AttributeError(f"module 'visual' has no attribute {name!r}")
    return import_module("visual.drawing.grid").swap_grid


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
