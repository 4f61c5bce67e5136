"""Results of a soak that outlive it, one line each, so that one that was cut short can go on where it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.live.scenarios import ROOT

FOLDER = ROOT / ".cache" / "soak"


class Kept:
    """The results of ``part``; ``resume`` begins with those that are there."""

    def __init__(self, part: str, *, resume: bool, folder: Path = FOLDER) -> None:
        self._path = folder / f"{part}.jsonl"
        folder.mkdir(parents=True, exist_ok=True)
        if not resume:
            self._path.unlink(missing_ok=True)
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.exists() else []
        self._known: dict[str, Any] = dict(map(json.loads, lines))

    def get(self, key: str) -> Any | None:
        """Return the result of ``key``, None where there is none yet."""
        return self._known.get(key)

    def add(self, key: str, result: Any) -> None:
        """Keep the result of ``key``."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps([key, result]) + "\n")
        self._known[key] = result
