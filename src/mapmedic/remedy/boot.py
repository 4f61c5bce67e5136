"""Which boot of which machine this is: with a process's number and start, it names one process for good."""

from __future__ import annotations

from pathlib import Path


def boot_id() -> str:
    """Return the kernel's own random name for this boot (random(4)), empty where nobody says."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
