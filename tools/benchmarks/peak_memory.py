"""The peak memory of a measuring process."""

import torch

from dgnet.core.errors import UserError
from dgnet.core.memory import peak_memory_bytes


def peak_memory(device: torch.device) -> int:
    """Bytes, as `dgnet.core.memory.peak_memory_bytes`. `UserError` where the system does not tell it."""
    peak = peak_memory_bytes(device)
    if peak is None:
        raise UserError(
            "this benchmark measures memory, which this system does not tell: it needs Linux, macOS or CUDA"
        )
    return peak
