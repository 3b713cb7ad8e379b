"""While testing, every annotation of our packages is checked: shapes by jaxtyping, the rest by beartype.

Only here: a user's run pays nothing for it. Programs that a test starts run without, as a user's do.
"""

import os
import sys

# One thread for each process, before torch reads it and for programs that a test starts: tests run side by side, and a
# sum in one thread has one order, so that "bit for bit" can be asked for.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# No window is ever opened.
os.environ.setdefault("MPLBACKEND", "Agg")

import torch
from jaxtyping import install_import_hook

CHECKED = ("dgnet", "eval", "reid_heads", "visual")

already = [name for name in CHECKED if name in sys.modules]
if already:
    raise RuntimeError(f"imported before the import hook could check them: {already}")

install_import_hook(CHECKED, "beartype.beartype")
torch.set_num_threads(1)
