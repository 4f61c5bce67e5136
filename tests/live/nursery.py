"""Look at a process in a child that ends itself behind one step of it; one line of JSON asks for one.

Run with tests/live/killed_at.c loaded. {"pid", "snapshot", "step", "nth", "delay_ns"}: answered by how the child ended,
-9 where it was killed. {"pid", "snapshot", "tell": PATH}: not killed, its steps are written to PATH.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any

from mapmedic import api

PAUSE_MS = 5_000.0
_REFUSED = 3


def main() -> None:
    """Serve until standard input ends."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _look(json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _look(asked: dict[str, Any]) -> None:
    library = ctypes.CDLL(None)
    if "tell" in asked:
        library.tell_steps(os.open(Path(asked["tell"]), os.O_WRONLY | os.O_CREAT | os.O_TRUNC))
    else:
        library.kill_behind(
            asked["step"].encode(), ctypes.c_long(asked["nth"]), ctypes.c_long(asked["delay_ns"])
        )
    ended = 0
    try:
        api.heap(str(asked["pid"]), snapshot=asked["snapshot"], max_pause_ms=PAUSE_MS)
    except BaseException as error:
        # Whatever it is: the child must not go on to serve.
        ended = _REFUSED
        print(repr(error)[:500], file=sys.stderr, flush=True)
    os._exit(ended)


if __name__ == "__main__":
    main()
