"""Pictures of what a generator does, and of trainings and ranked lists. `show_*.py` are commands.

from dgnet import load_generator
from visual import swap_grid

generator = load_generator("outputs/market")
picture = swap_grid(people, people, generator.swap_all(people, people))  # uint8 [height, width, 3]
"""

from typing import TYPE_CHECKING

from dgnet.core.lazy_names import lazy_names

if TYPE_CHECKING:
    from visual.drawing.grid import swap_grid

__all__ = ["swap_grid"]

__getattr__, __dir__ = lazy_names(__name__, {"swap_grid": "visual.drawing.grid"})
