"""Check that imports point down only, as the picture of the house says.

    python tools/check_imports.py [SRC]      # exit 1 with file:line for each import that points up

The picture: cli -> api -> { report, remedy, diagnose, capture, source } -> … -> model -> errors.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = "mapmedic"
# Room -> the rooms it may import, itself and the package's version aside.
PICTURE: dict[str, frozenset[str]] = {
    "cli": frozenset({"api", "demo", "report", "model", "errors"}),
    "demo": frozenset({"api", "model", "errors"}),
    "api": frozenset({"report", "remedy", "diagnose", "capture", "source", "model", "errors"}),
    "remedy": frozenset({"model", "capture", "goheap", "memory", "errors"}),
    "diagnose": frozenset({"model"}),
    "report": frozenset({"model", "formats"}),
    "source": frozenset({"model", "formats", "errors"}),
    "capture": frozenset({"goheap", "memory", "formats", "model", "errors"}),
    "goheap": frozenset({"memory", "model", "_native", "errors"}),
    "memory": frozenset({"formats", "model", "_native", "errors"}),
    "formats": frozenset({"model", "_native", "errors"}),
    "model": frozenset({"errors"}),
    "errors": frozenset(),
}
# Finer than rooms: module prefixes of which one room alone may import something.
ONLY_REMEDY = (
    "mapmedic.memory.stop",
    "mapmedic.memory.writer",
    "mapmedic.memory.catch",
    "mapmedic.memory.call",
)
READER_ONLY = "mapmedic.memory.reader"
FACE = f"{ROOT}.api"
ONLY_ENCODERS = ("mapmedic.formats.pprof", "mapmedic.formats.inventory")


def main(arguments: list[str]) -> int:
    """Print each import that points up; return 1 if there is one."""
    source = Path(arguments[0]) if arguments else Path(__file__).resolve().parent.parent / "src" / ROOT
    files = sorted(source.rglob("*.py"))
    problems = [problem for file in files for problem in check_file(source, file)]
    for problem in problems:
        print(problem)
    print(f"check_imports: {len(files)} files, {len(problems)} imports point up", file=sys.stderr)
    return 1 if problems or not files else 0


def check_file(source: Path, file: Path) -> Iterator[str]:
    """Yield a sentence for each import in ``file`` that the picture does not have."""
    room = _room(file.relative_to(source).with_suffix("").parts)
    if room is None:
        return
    if room not in PICTURE:
        yield f"{file}: room {room!r} is not in the picture (tools/check_imports.py)"
        return
    for line, module in _imports(ast.parse(file.read_text(encoding="utf-8"))):
        problem = _problem(room, module)
        if problem:
            yield f"{file}:{line}: {problem}"


def _room(parts: tuple[str, ...]) -> str | None:
    return None if parts == ("__init__",) else parts[0]


def _imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield node.lineno, "(relative)"
            elif node.module == ROOT:
                yield from ((node.lineno, f"{ROOT}.{alias.name}") for alias in node.names)
            elif node.module:
                yield node.lineno, node.module


def _problem(room: str, module: str) -> str | None:
    if module == "(relative)":
        return "relative imports hide which room is meant; write the whole name"
    words = module.split(".")
    if words[0] != ROOT or len(words) == 1:
        return None
    finer = _finer_problem(room, module)
    if finer:
        return finer
    if words[1] == room or words[1] in PICTURE[room] or words[1] == "__version__":
        return None
    return f"{room} imports {module}; it may import {', '.join(sorted(PICTURE[room])) or 'nothing'}"


def _finer_problem(room: str, module: str) -> str | None:
    if module.startswith(ONLY_REMEDY) and room not in ("remedy", "memory"):
        return f"{room} imports {module}, which only remedy may"
    if room != "api" and module.startswith(f"{FACE}."):
        return f"{room} imports {module}; of the library others see {FACE} alone"
    if room == "goheap" and module.startswith(f"{ROOT}.memory") and not module.startswith(READER_ONLY):
        return f"goheap imports {module}; it may only read (memory.reader)"
    if room == "report" and module.startswith(f"{ROOT}.formats") and module not in ONLY_ENCODERS:
        return f"report imports {module}; of formats it may only have the encoders {', '.join(ONLY_ENCODERS)}"
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
