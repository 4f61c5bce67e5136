"""List files over 400 lines and functions over 60: where to stop and think. Never fails.

python tools/check_sizes.py
"""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

MOST_FILE_LINES = 400
MOST_FUNCTION_LINES = 60
ENDINGS = (".py", ".rs", ".go", ".js", ".css")


def main() -> None:
    """Print each file and Python function that is long."""
    tracked = subprocess.run(
        ["git", "ls-files"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for name in tracked:
        path = Path(name)
        if path.suffix not in ENDINGS or ".min." in name or not path.exists():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        lines = text.count("\n")
        if lines > MOST_FILE_LINES:
            print(f"{name}: {lines} lines")
        if path.suffix == ".py":
            _list_functions(name, text)


def _list_functions(name: str, text: str) -> None:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MOST_FUNCTION_LINES:
                print(f"{name}:{node.lineno}: {node.name} has {length} lines")


if __name__ == "__main__":
    main()
