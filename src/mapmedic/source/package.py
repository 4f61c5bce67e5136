"""One folder's Go files read together: what its types, functions and variables are called."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from mapmedic.model.findings import Blank
from mapmedic.source.go_file import GoFile, Node, parse_go_file

MAX_FILES = 500
MAX_BYTES = 32 << 20
MAX_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Declared:
    """A declaration and the file it stands in."""

    file: GoFile
    node: Node


@dataclass(frozen=True)
class GoPackage:
    """The files of one folder, tests aside, and what was not read of them.

    ``known_types``: (function's id, variable) -> its type, as far as somebody asked.
    """

    files: dict[Path, GoFile]
    unread: tuple[Blank, ...] = ()
    known_types: dict[tuple[int, str], str | None] = field(default_factory=dict)

    @cached_property
    def functions(self) -> dict[str, Declared]:
        """Return ``Name`` or ``Type.Name`` -> its declaration."""
        found: dict[str, Declared] = {}
        for file in self.files.values():
            for node in file.root.children:
                if node.type in ("function_declaration", "method_declaration"):
                    found.setdefault(file.name_of(node), Declared(file, node))
        return found

    @cached_property
    def types(self) -> dict[str, Declared]:
        """Return the name of each type declared at the top -> its ``type_spec``."""
        found: dict[str, Declared] = {}
        for file in self.files.values():
            for declaration in (n for n in file.root.children if n.type == "type_declaration"):
                for spec in declaration.named_children:
                    if (name := spec.child_by_field_name("name")) is not None:
                        found.setdefault(file.text(name), Declared(file, spec))
        return found

    @cached_property
    def variables(self) -> dict[str, str | None]:
        """Return the name of each variable declared at the top -> its type, as written or as made."""
        found: dict[str, str | None] = {}
        for file in self.files.values():
            for name, type_ in file.variables():
                found.setdefault(name, type_)
        return found

    def type_of_variable(self, name: str) -> str | None:
        """Return the type of the package's variable ``name``, None where it is not told or there is none."""
        return self.variables.get(name)


def read_package(folder: Path) -> GoPackage:
    """Read the Go files of ``folder``: at most 500 of them, 32 MiB, 5 s; no tests, no links."""
    files: dict[Path, GoFile] = {}
    unread: list[Blank] = []
    deadline, total = time.monotonic() + MAX_SECONDS, 0
    paths = sorted(path for path in folder.glob("*.go") if not path.name.endswith("_test.go"))
    for index, path in enumerate(paths):
        if index >= MAX_FILES or total > MAX_BYTES or time.monotonic() > deadline:
            unread.append(
                Blank(f"{len(paths) - index} more Go files of {folder.name}", "the package is too large")
            )
            break
        parsed = parse_go_file(path)
        if parsed is None:
            unread.append(Blank(path.name, "no readable regular file of up to 4 MiB"))
            continue
        if parsed.root.has_error:
            unread.append(Blank(path.name, "parts of it are no Go that could be read"))
        files[path] = parsed
        total += len(parsed.source)
    return GoPackage(files, tuple(unread))
