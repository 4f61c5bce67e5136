"""Finds the Go map that eats a service's memory, fixes it while the service runs, and proves it.

The library is ``mapmedic.api``; it is imported when first used, so that ``mapmedic --help`` stays quick.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_API = ("apply_fix", "capture", "diagnose", "observe", "plan_fix", "verify")
__all__ = ["__version__", *_API]  # noqa: PLE0604 - the names are strings, the checker wants them literal


def __getattr__(name: str) -> Any:
    if name in _API:
        return getattr(importlib.import_module("mapmedic.api"), name)
    raise AttributeError(f"module 'mapmedic' has no attribute {name!r}")
