"""Pairs of images -> swapped images: each source is encoded once, and no image depends on its neighbors.

Networks run on batches of one shape only, `batch_slots(device)` images, and an image always has the same slot of such
a batch: source i of the records slot i modulo the number of slots, pair k of the plan slot k modulo that number; empty
slots hold zeros. In evaluation mode every norm of the generator is taken within one image, and the same kernels do the
same operations in the same order at the same slot. So an image is the same, to the last bit, whatever the batch size,
the number of processes, the budget, and the pairs before it; on another kind of device, with another torch or another
number of threads it may differ by rounding.
"""

from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import UInt8
from torch import Tensor

from dgnet.core import pixels
from dgnet.core.device import Precision, PrecisionName
from dgnet.core.errors import UserError
from dgnet.core.images import read_image
from dgnet.core.machine import usable_cores
from dgnet.data.records import Record
from dgnet.models.swap import appearance_codes, decode_images, structure_codes
from dgnet.runs.loaded_generator import LoadedGenerator

Role = Literal["appearance", "structure"]
ROLES: tuple[Role, Role] = ("appearance", "structure")
CODE_BYTES = 2 * 2**30


@dataclass(frozen=True)
class GeneratedBatch:
    """Swapped images `[batch, 3, height, width]` (uint8, on the CPU) and the positions of their pairs in the plan."""

    positions: tuple[int, ...]
    images: UInt8[Tensor, "batch 3 height width"]


def batch_slots(device: torch.device) -> int:
    """Images in each batch that a network sees: what fills a CPU's caches or a GPU."""
    return 64 if device.type == "cuda" else 8


def fixed_slots(indices: Sequence[int], slots: int) -> list[list[int | None]]:
    """Batches of `slots` in which index i has slot i modulo `slots`; None where a slot stays empty.

    >>> fixed_slots([0, 1, 5, 4], 4)
    [[0, 1, None, None], [4, 5, None, None]]
    """
    columns = [[index for index in indices if index % slots == slot] for slot in range(slots)]
    batches = max(map(len, columns), default=0)
    return [[column[batch] if batch < len(column) else None for column in columns] for batch in range(batches)]


def generate(
    generator: LoadedGenerator,
    records: Sequence[Record],
    pairs: Sequence[tuple[int, int]],
    *,
    positions: Sequence[int] | None = None,
    precision: PrecisionName = "fp32",
    batch_size: int = 64,
    code_bytes: int = CODE_BYTES,
) -> Iterator[GeneratedBatch]:
    """Swap images: pair `(a, s)` has the appearance of `records[a]` and the structure of `records[s]`.

    Args:
        pairs: the plan. With all pairs of a structure in a row and enough budget, each code is computed once.
        positions: the pairs of the plan to generate, in this order; all of them by default.
        batch_size: pairs handled at a time, rounded up to whole batches of the networks.
        code_bytes: memory for codes, on the network's device. A code stays until its last use; beyond the budget the
            least recently used are dropped and computed anew when needed. What one batch needs is kept in any case.

    Yields:
        Batches in the order of `positions`, at the height and width of the generator's configuration.

    Raises:
        UserError: an image is missing or damaged, a pair names no record, or a size is not positive.
    """
    if batch_size < 1 or code_bytes < 1:
        raise UserError(f"batch size and memory for codes must be positive, got {batch_size} and {code_bytes}")
    wanted = range(len(pairs)) if positions is None else positions
    for position in wanted:
        if not all(0 <= index < len(records) for index in pairs[position]):
            raise UserError(f"pair {position} is {pairs[position]}, and there are only {len(records)} images")
    engine = _Engine(generator, records, precision)
    codes = _Codes(engine, (pairs[position] for position in wanted), code_bytes)
    step = -(-batch_size // engine.slots) * engine.slots
    with engine.pool:
        for start in range(0, len(wanted), step):
            batch = tuple(wanted[start : start + step])
            codes.prepare([pairs[position] for position in batch])
            images: dict[int, Tensor] = {}
            for slots in fixed_slots(batch, engine.slots):
                swapped = engine.decode([None if index is None else codes.of(*pairs[index]) for index in slots])
                images |= {index: image for index, image in zip(slots, swapped, strict=True) if index is not None}
            codes.release([pairs[position] for position in batch])
            yield GeneratedBatch(batch, torch.stack([images[position] for position in batch]))


class _Engine:
    """The networks on batches of one shape."""

    def __init__(self, generator: LoadedGenerator, records: Sequence[Record], precision: PrecisionName) -> None:
        self.network, self.records = generator.network, records
        self.height, self.width = generator.size
        self.device = generator.device
        self.precision = Precision(precision, self.device)
        self.slots = batch_slots(self.device)
        self.pool = ThreadPoolExecutor(usable_cores())

    @torch.inference_mode()
    def encode(self, role: Role, slots: Sequence[int | None]) -> list[Tensor]:
        """The code of the record in each slot, `[1, ...]` in memory of its own; empty slots have one too."""
        images = torch.cat(list(self.pool.map(self._image, slots))).contiguous(memory_format=torch.channels_last)
        encode = appearance_codes if role == "appearance" else structure_codes
        with self.precision.autocast():
            return [code.clone() for code in encode(self.network, images).split(1)]

    @torch.inference_mode()
    def decode(self, slots: Sequence[tuple[Tensor, Tensor] | None]) -> UInt8[Tensor, "slot 3 height width"]:
        """The image of the (appearance code, structure code) in each slot."""
        known = next(codes for codes in slots if codes is not None)
        zeros = torch.zeros_like(known[0]), torch.zeros_like(known[1])
        full = [zeros if codes is None else codes for codes in slots]
        appearance, structure = (torch.cat(part) for part in zip(*full, strict=True))
        with self.precision.autocast():
            return decode_images(self.network, appearance, structure)

    def _image(self, index: int | None) -> UInt8[Tensor, "1 3 height width"]:
        if index is None:
            return torch.zeros(1, 3, self.height, self.width, dtype=torch.uint8)
        image = read_image(self.records[index].path)[None]
        return pixels.resize(image, self.height, self.width)


class _Codes:
    """Codes by (role, record), from their first use to their last, within a budget of bytes."""

    def __init__(self, engine: _Engine, pairs: Iterable[tuple[int, int]], budget: int) -> None:
        self._engine, self._budget, self._bytes = engine, budget, 0
        self._uses = Counter((role, index) for pair in pairs for role, index in zip(ROLES, pair, strict=True))
        self._codes: OrderedDict[tuple[Role, int], Tensor] = OrderedDict()
        self._later: dict[tuple[Role, int], deque[int]] = defaultdict(deque)
        for role, index in sorted(self._uses):
            self._later[role, index % engine.slots].append(index)

    def of(self, appearance: int, structure: int) -> tuple[Tensor, Tensor]:
        """The codes of a pair."""
        return self._codes["appearance", appearance], self._codes["structure", structure]

    def prepare(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Compute what these pairs lack; slots that stay empty get what later pairs need."""
        needed = sorted({(role, index) for pair in pairs for role, index in zip(ROLES, pair, strict=True)})
        for role in ROLES:
            missing = [index for of, index in needed if of == role and (of, index) not in self._codes]
            for slots in fixed_slots(missing, self._engine.slots):
                full = [self._next(role, slot, missing) if index is None else index for slot, index in enumerate(slots)]
                for index, code in zip(full, self._engine.encode(role, full), strict=True):
                    if index is not None:
                        self._codes[role, index] = code
                        self._bytes += code.nbytes
        for key in needed:
            self._codes.move_to_end(key)
        while self._bytes > self._budget and len(self._codes) > len(needed):
            self._drop(next(iter(self._codes)))

    def release(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Count the uses of these pairs; drop the codes that have no use left."""
        for pair in pairs:
            for key in zip(ROLES, pair, strict=True):
                self._uses[key] -= 1
                if not self._uses[key]:
                    self._drop(key)

    def _next(self, role: Role, slot: int, missing: Sequence[int]) -> int | None:
        """A record for this slot that was never encoded and will be needed, while the budget lasts."""
        later = self._later[role, slot]
        while later and self._bytes < self._budget:
            index = later.popleft()
            if self._uses[role, index] and (role, index) not in self._codes and index not in missing:
                return index
        return None

    def _drop(self, key: tuple[Role, int]) -> None:
        self._bytes -= self._codes.pop(key).nbytes
