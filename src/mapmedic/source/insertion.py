"""From the line that inserts to the name of the map: `m.sessions[id] = s` fills main.T.sessions."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from mapmedic.model.findings import Site, SourceHint
from mapmedic.source.go_file import GoFile, Node
from mapmedic.source.package import GoPackage, read_package
from mapmedic.source.removals import Target, find_removals
from mapmedic.source.types import Scope, TypeReader, bare

MAX_FILES_LISTED = 20_000
_TYPE_ARGUMENTS = re.compile(r"\[.*?\](?=[.)]|$)")
SYNC_MAP_INSERTS = frozenset(("Store", "LoadOrStore", "Swap", "CompareAndSwap"))


_NAMED_TYPE = re.compile(r"[*\s]*[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?(?:\[.*\])?", re.DOTALL)
_NAMES = ("identifier", "selector_expression")
_NOT_THE_PROGRAM = frozenset(("vendor", "testdata", "node_modules", ".git"))


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the program in its function and package; ``prefix`` is what the profile calls the package."""

    package: GoPackage
    path: Path
    scope: Scope
    line: int
    prefix: str

    @property
    def types(self) -> TypeReader:
        """Return who answers for the types here."""
        return TypeReader(self.package)


@dataclass(frozen=True, slots=True)
class Named:
    """A container's declared name and type; ``target`` is what to look for, None in another package."""

    declared: str
    type: str | None = None
    target: Target | None = None


@dataclass(slots=True)
class SourceReader:
    """Reads inserting statements below ``root``; without one it reads nothing.

    A profile comes from the network and the line ends up in reports that are passed on: it must not choose
    which of this machine's files are quoted. So its paths are only compared with what is below ``root``,
    never opened; only regular files named *.go are, at most 4 MiB of each, no symlinks; and a line counts
    only if it stands inside the function that the profile names and inserts something.
    """

    root: Path | None = None
    _listed: list[Path] | None = None
    _packages: dict[Path, GoPackage] = field(default_factory=dict)

    def locate(self, site: Site) -> SourceHint | None:
        """Return what the source says at ``site``, None where it says nothing clear."""
        place = self.place(site)
        target = container_at(place.scope.file, place.scope.function, place.line) if place else None
        return self.hint(place, target) if place and target else None

    def place(self, site: Site) -> Place | None:
        """Return where ``site`` is below the root, None unless that is clear and parses."""
        if self.root is None or site.file is None or site.line is None or not site.file.endswith(".go"):
            return None
        path = self._find(site.file)
        package = self._package(path.parent) if path else None
        parsed = package.files.get(path) if package and path else None
        function = parsed.function_at(site.line) if parsed else None
        if package is None or path is None or parsed is None or function is None or function.has_error:
            return None
        if not _same_function(site.function, parsed.package, parsed.name_of(function)):
            return None
        return Place(package, path, Scope(parsed, function), site.line, _split_symbol(site.function)[0])

    def hint(self, place: Place, container: Node) -> SourceHint | None:
        """Return the name of ``container``, which is filled at ``place``, and what takes out of it."""
        named = name_container(place, container)
        if named is None or self.root is None:
            return None
        removals = find_removals(place.package, named.target, self.root) if named.target else None
        return SourceHint(
            named.declared,
            place.scope.file.line(place.line),
            named.type,
            removals,
            len(place.package.files) if removals is not None else 0,
            place.package.unread if removals is not None else (),
        )

    def _package(self, folder: Path) -> GoPackage:
        if folder not in self._packages:
            self._packages[folder] = read_package(folder)
        return self._packages[folder]

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
            for folder, below, names in os.walk(self.root) if self.root is not None else ():
                below[:] = sorted(name for name in below if name not in _NOT_THE_PROGRAM)
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


def container_at(parsed: GoFile, function: Node, line: int) -> Node | None:
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
    if name is not None and name.text is not None and name.text.decode() in SYNC_MAP_INSERTS:
        return function.child_by_field_name("operand")
    return None


def name_container(place: Place, container: Node) -> Named | None:
    """Return what ``container``, an expression at ``place``, is called; None where that is not clear."""
    if container.type == "identifier":
        return _name_variable(place, container)
    if container.type != "selector_expression":
        return None
    operand, field_node = container.child_by_field_name("operand"), container.child_by_field_name("field")
    owner = place.types.of(operand, place.scope) if operand else None
    if owner is None or field_node is None or not _NAMED_TYPE.fullmatch(owner):
        return None
    name = place.scope.file.text(field_node)
    if "." in bare(owner):
        return Named(f"{bare(owner)}.{name}")
    found = place.types.field(owner, name)
    if found is None:
        unseen = bare(owner) not in place.package.types
        return Named(f"{place.prefix}.{bare(owner)}.{name}") if unseen else None
    return Named(f"{place.prefix}.{found[0]}.{name}", found[1], Target(name, found[0]))


def _name_variable(place: Place, container: Node) -> Named | None:
    file, function = place.scope.file, place.scope.function
    name = file.text(container)
    if not file.is_local(function, name):
        type_ = place.package.type_of_variable(name)
        return Named(f"{place.prefix}.{name}", type_, Target(name))
    declared = place.scope.declarations(name)
    if len(declared) != 1 or declared[0][0].type not in ("short_var_declaration", "var_spec"):
        return None
    right = declared[0][0].child_by_field_name("right")
    if right is not None and len(right.named_children) == 1 and right.named_children[0].type in _NAMES:
        return name_container(place, right.named_children[0])  # m := t.sessions
    type_ = place.types.of(container, place.scope)
    return Named(f"{place.prefix}.{file.name_of(function)}.{name}", type_, Target(name, None, function))
