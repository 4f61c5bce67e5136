"""From the line that inserts to the name of the map: `m.sessions[id] = s` fills main.T.sessions."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from mapmedic.model.findings import Site, SourceHint
from mapmedic.source.go_file import GoFile, Node, parse_go_file

MAX_FILES_LISTED = 20_000
_TYPE_ARGUMENTS = re.compile(r"\[.*?\](?=[.)]|$)")
_SYNC_MAP_INSERTS = frozenset(("Store", "LoadOrStore", "Swap", "CompareAndSwap"))


@dataclass(slots=True)
class SourceReader:
    """Reads inserting statements below ``root``; without one it reads nothing.

    A profile comes from the network and the line ends up in reports that are passed on: it must not choose
    which of this machine's files are quoted. So its paths are only compared with what is below ``root``,
    never opened; only regular files named *.go are, at most 4 MiB of each, no symlinks; and a line counts
    only if it stands inside the function that the profile names and inserts something.
    """

    root: Path | None = None
    _parsed: dict[Path, GoFile | None] = field(default_factory=dict)
    _listed: list[Path] | None = None

    def locate(self, site: Site) -> SourceHint | None:
        """Return what the source says at ``site``, None where it says nothing clear."""
        if site.file is None or site.line is None or not site.file.endswith(".go"):
            return None
        path = self._find(site.file)
        parsed = self._parse(path) if path else None
        function = parsed.function_at(site.line) if parsed else None
        if parsed is None or function is None or function.has_error:
            return None
        if not _same_function(site.function, parsed.package, parsed.name_of(function)):
            return None
        target = _container_at(parsed, function, site.line)
        return _hint(parsed, function, target, site) if target else None

    def _parse(self, path: Path) -> GoFile | None:
        if path not in self._parsed:
            self._parsed[path] = parse_go_file(path)
        return self._parsed[path]

    def _find(self, file: str) -> Path | None:
        """Return the file below ``root`` that shares the longest ending with ``file``."""
        wanted = file.split("/")
        same_name = [path for path in self._files() if path.name == wanted[-1]]
        scored = sorted(((_common_ending(path.parts, wanted), path) for path in same_name), reverse=True)
        if not scored or (len(scored) > 1 and scored[0][0] == scored[1][0]):
            return None  # two files fit equally well: naming either would be a guess
        return scored[0][1]

    def _files(self) -> list[Path]:
        if self._listed is None:
            found: list[Path] = []
            for folder, _, names in os.walk(self.root) if self.root is not None else ():
                found += [Path(folder) / name for name in names if name.endswith(".go")]
                if len(found) >= MAX_FILES_LISTED:
                    break
            self._listed = found
        return self._listed


def _common_ending(parts: tuple[str, ...], wanted: list[str]) -> int:
    count = 0
    for mine, theirs in zip(reversed(parts), reversed(wanted), strict=False):
        if mine != theirs:
            break
        count += 1
    return count


def _same_function(symbol: str, package: str, name: str) -> bool:
    """Tell whether the runtime's ``symbol`` (main.(*T[...]).Put.func1) is in the declaration ``name`` (T.Put)."""
    path, words = _split_symbol(symbol)
    declared = name.split(".")
    # A package may have another name than its folder, but main is main.
    return words[: len(declared)] == declared and (path == "main") == (package == "main")


def _split_symbol(symbol: str) -> tuple[str, list[str]]:
    """Return the last word of the package path, and the names after it without pointers and type arguments."""
    bare = _TYPE_ARGUMENTS.sub("", symbol).rsplit("/", maxsplit=1)[-1]
    package, *words = bare.replace("(*", "").replace(")", "").removesuffix("-fm").split(".")
    return package, words


def _container_at(parsed: GoFile, function: Node, line: int) -> Node | None:
    """Return the container that the statement at ``line`` inserts into; None unless there is exactly one."""
    found = [
        container
        for node in parsed.walk(function)
        if node.start_point[0] + 1 <= line <= node.end_point[0] + 1
        for container in _inserted_into(node)
        if container.start_point[0] + 1 == line
    ]
    return found[0] if len({parsed.text(each) for each in found}) == 1 else None


def _inserted_into(node: Node) -> list[Node]:
    if node.type in ("assignment_statement", "inc_statement", "dec_statement"):
        left = node.child_by_field_name("left") or node
        indexed = [child for child in left.named_children if child.type == "index_expression"]
        return [operand for each in indexed if (operand := each.child_by_field_name("operand")) is not None]
    if node.type == "call_expression" and (called := _called_on(node)) is not None:
        # m[k] = append(m[k], v) fills m, whatever it holds.
        inside = called.child_by_field_name("operand") if called.type == "index_expression" else None
        return [inside or called]
    return []


def _called_on(call: Node) -> Node | None:
    function = call.child_by_field_name("function")
    arguments = call.child_by_field_name("arguments")
    if function is None or arguments is None:
        return None
    if function.type == "identifier" and function.text == b"append" and arguments.named_children:
        return arguments.named_children[0]
    name = function.child_by_field_name("field") if function.type == "selector_expression" else None
    if name is not None and name.text is not None and name.text.decode() in _SYNC_MAP_INSERTS:
        return function.child_by_field_name("operand")
    return None


def _hint(parsed: GoFile, function: Node, target: Node, site: Site) -> SourceHint | None:
    package, _ = _split_symbol(site.function)
    statement = parsed.line(site.line or 0)
    if target.type == "identifier":
        name = parsed.text(target)
        if parsed.is_local(function, name):
            return None
        return SourceHint(f"{package}.{name}", statement, parsed.type_of_variable(name))
    if target.type != "selector_expression":
        return None
    operand, field_node = target.child_by_field_name("operand"), target.child_by_field_name("field")
    if operand is None or field_node is None or operand.type != "identifier":
        return None
    owner = parsed.type_of_parameter(function, parsed.text(operand))
    return _field_hint(parsed, package, owner, parsed.text(field_node), statement) if owner else None


def _field_hint(parsed: GoFile, package: str, owner: str, name: str, statement: str) -> SourceHint | None:
    if "." in owner:
        return SourceHint(f"{owner}.{name}", statement)
    struct = parsed.struct(owner)
    type_ = parsed.type_of_field(struct, name) if struct else None
    if struct is not None and type_ is None:
        return None  # a field of an embedded struct: another type declares it
    return SourceHint(f"{package}.{owner}.{name}", statement, type_)
