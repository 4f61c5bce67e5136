"""Where the captured answers are."""

from __future__ import annotations

from pathlib import Path

CAPTURED = Path(__file__).parent / "captured"
FOLDERS = sorted(path for path in CAPTURED.iterdir() if path.is_dir())
