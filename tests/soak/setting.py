"""When and on what machine figures were made, in the words that every page of the soak begins with."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Sequence
from statistics import median


def setting(seconds: float) -> str:
    """Return date, machine, how busy it was, and how long it took."""
    busy = os.getloadavg()[2]
    return (
        f"{time.strftime('%Y-%m-%d', time.gmtime())}, {platform.system()} {platform.release()} {platform.machine()}, "
        f"{os.cpu_count()} cores (load {busy:.1f} in the last 15 minutes), {seconds / 60:.0f} minutes"
    )


def median_worst(values: Sequence[float], digits: int = 2) -> str:
    """Return "median | worst" for a table; dashes where there are none."""
    if not values:
        return "- | -"
    return f"{median(values):.{digits}f} | {max(values):.{digits}f}"
