"""How long idle threads of torch spin before they sleep.

torch computes with OpenMP threads. Between two parallel loops they spin, so that the next one finds them awake. GNU
OpenMP's default is some milliseconds of spinning: where another process needs the cores, threads that spin take the
time that threads with work need, and a training of small layers runs many times slower. A short spin costs little
alone.
`python tools/bench.py threads` prints both sides.
"""

import os
from collections.abc import MutableMapping

# Turns of the waiting loop; measured on the training of small networks, see docs/speed.md.
SPIN_COUNT = 10_000
# Where one of these is set, nothing is changed.
_WAITING_VARIABLES = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")


def limit_spinning(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let idle OpenMP threads spin for a short time only, unless the user has set how they wait.

    OpenMP reads the environment when torch is loaded, so this must come first; programs that are started inherit it.

    Example:
        >>> environment = {}
        >>> limit_spinning(environment)
        >>> environment
        {'GOMP_SPINCOUNT': '10000'}
        >>> environment = {"OMP_WAIT_POLICY": "ACTIVE"}
        >>> limit_spinning(environment)
        >>> environment
        {'OMP_WAIT_POLICY': 'ACTIVE'}
    """
    if not any(name in environment for name in _WAITING_VARIABLES):
        environment["GOMP_SPINCOUNT"] = str(SPIN_COUNT)
