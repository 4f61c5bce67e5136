"""Where a live target's capture is kept while it is looked at: somewhere that outlives an interrupt."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path


def new_live_path() -> Path:
    """Return the name of a new session in $XDG_STATE_HOME/mapmedic/live, in the temporary folder if that cannot be."""
    now = time.time_ns()
    name = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now // 10**9))}.{now % 10**9:09d}-{os.getpid()}.mapmedic"
    return _folder() / name


def _folder() -> Path:
    try:
        state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
        folder = Path(state) / "mapmedic" / "live"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if os.access(folder, os.W_OK):
            return folder
    except (OSError, RuntimeError):  # a container may have no home, or one that cannot be written
        pass
    return Path(tempfile.gettempdir())
