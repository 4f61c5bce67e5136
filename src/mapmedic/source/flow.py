"""From the line that allocates to the map that keeps it: `file := make(...)`, `return file`, `s.keep(file)`.

The value is followed through variables, literals it becomes a part of, results and parameters of the
package's own functions, up the stack it was allocated on. Channels, interfaces and other packages end the
way. Two containers at the end of it are none: either may be the one that keeps it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mapmedic.model.findings import Site, SourceFlow
from mapmedic.model.frames import package_of
from mapmedic.source.go_file import GoFile, Node
from mapmedic.source.insertion import SYNC_MAP_INSERTS, Place, SourceReader, name_container
from mapmedic.source.types import Scope, bare

MAX_STEPS = 500
MAX_CALLS = 6
MAX_SECONDS = 5.0
_ALLOCATES = ("call_expression", "composite_literal", "type_conversion_expression", "binary_expression")
_PASSES_ON = (
    "parenthesized_expression", "unary_expression", "literal_element", "literal_value", "keyed_element",
    "type_conversion_expression", "variadic_argument", "composite_literal",
)  # fmt: skip


def follow(reader: SourceReader, stack: Sequence[Site]) -> SourceFlow | None:
    """Return where what ``stack`` (the program's own frames, innermost first) allocates ends up."""
    way = _Way(reader)
    results: set[int] = set()
    for depth, site in enumerate(stack[:MAX_CALLS]):
        place = reader.place(site)
        if place is None or (depth and not results):
            break
        before = way.found.copy()
        results = way.climb_from(place, stack[depth - 1].function if depth else None, results)
        way.path.append(f"{site.function}:{site.line}")
        if way.found != before and not results:
            break
    return way.answer(stack[0]) if way.path else None


@dataclass(slots=True)
class _Way:
    """What is known so far: maps found by declared name, types passed through, how much was looked at."""

    reader: SourceReader
    found: dict[str, tuple[Place, Node]] = field(default_factory=dict)
    types: dict[str, None] = field(default_factory=dict)
    path: list[str] = field(default_factory=list)
    unclear: bool = False
    steps: int = 0
    deadline: float = field(default_factory=lambda: time.monotonic() + MAX_SECONDS)
    _seen: set[tuple[int, str]] = field(default_factory=set)

    def answer(self, first: Site) -> SourceFlow:
        """Return the one map that was found, if it is one."""
        for place, container in self.found.values():
            hint = self.reader.hint(place, container)
            if hint is None or self.unclear or len(self.found) > 1:
                break
            symbol = _symbol(package_of(first.function), place.scope.file, place.scope.function)
            folder = (first.file or "").rpartition("/")[0]
            site = Site(symbol, f"{folder}/{place.path.name}".lstrip("/" if not folder else ""), place.line)
            step = f"{symbol}:{place.line}"
            return SourceFlow(site, hint, tuple(self.types), tuple(dict.fromkeys((*self.path, step))))
        return SourceFlow(None, None, tuple(self.types), tuple(self.path))

    def climb_from(self, place: Place, callee: str | None, results: set[int]) -> set[int]:
        """Follow what the line of ``place`` allocates, or what ``callee`` returns to it; return which results."""
        out: set[int] = set()
        for node in _starts(place, callee):
            for index in sorted(results) or [0]:
                out |= self._climb(node, place, index, 0)
        return out

    def _climb(self, node: Node, place: Place, index: int, depth: int) -> set[int]:
        """Follow ``node`` (result ``index`` of it, where it is a call) to what it becomes; return its results."""
        self.steps += 1
        if time.monotonic() > self.deadline:
            self.unclear = True  # a way that was not followed to its end is none
            return set()
        above = node.parent
        while above is not None and above.type in _PASSES_ON and self.steps < MAX_STEPS:
            if above.type == "composite_literal" and (type_ := above.child_by_field_name("type")) is not None:
                self.types[bare(place.scope.file.text(type_))] = None
            node, index, above = above, 0, above.parent
        self.unclear |= self.steps >= MAX_STEPS
        if above is None or self.unclear:
            return set()
        if above.type == "argument_list":
            return self._into_call(node, above, place, depth)
        if above.type == "index_expression":
            return self._as_key(above, place) if above.child_by_field_name("index") == node else set()
        if above.type == "expression_list":
            position = next(i for i, each in enumerate(above.named_children) if each == node)
            return self._into_statement(above, place, position or index, depth)
        return self._into_statement(node, place, index, depth) if above.type == "var_spec" else set()

    def _into_statement(self, side: Node, place: Place, position: int, depth: int) -> set[int]:
        statement = side.parent
        if statement is None:
            return set()
        if statement.type == "return_statement":
            return {position} if _is_of(statement, place.scope.function) else set()
        left = statement.child_by_field_name("left")
        if statement.type not in ("assignment_statement", "short_var_declaration") or side == left:
            return set()
        if left is None or position >= len(left.named_children):
            return set()
        return self._into(left.named_children[position], place, depth)

    def _into(self, target: Node, place: Place, depth: int) -> set[int]:
        """Follow what is assigned to ``target``."""
        if target.type == "identifier":
            return self._follow_name(place.scope.file.text(target), place, depth)
        if target.type == "index_expression":
            operand = target.child_by_field_name("operand")
            return self._insert(operand, place) if operand else set()
        root = target
        while (
            root.type == "selector_expression" and (inner := root.child_by_field_name("operand")) is not None
        ):
            root = inner
        if root.type == "identifier" and place.scope.declarations(place.scope.file.text(root)):
            type_ = place.types.of(root, place.scope)
            if type_ is not None:
                self.types[bare(type_)] = None
            return self._follow_name(place.scope.file.text(root), place, depth)
        return set()

    def _follow_name(self, name: str, place: Place, depth: int) -> set[int]:
        key = (place.scope.function.id, name)
        if key in self._seen or name == "_":
            return set()
        self._seen.add(key)
        out: set[int] = set()
        for node in place.scope.file.identifiers_in(place.scope.function, name):
            out |= self._climb(node, place, 0, depth)
        return out

    def _into_call(self, node: Node, arguments: Node, place: Place, depth: int) -> set[int]:
        call = arguments.parent
        function = call.child_by_field_name("function") if call is not None else None
        if call is None or function is None:
            return set()
        position = next(i for i, each in enumerate(arguments.named_children) if each == node)
        if function.text == b"append":
            first = arguments.named_children[0]
            if first.type == "selector_expression" and position:
                self.unclear = True  # a slice keeps it, too
            return self._climb(call, place, 0, depth) if position else set()
        called = place.types.function_called(call, place.scope)
        if called is None:
            return self._store(function, place)
        names = called[1].parameters(called[2])
        if depth >= MAX_CALLS or not names or not names[min(position, len(names) - 1)]:
            return set()
        path = next(path for path, file in place.package.files.items() if file is called[1])
        inner = Place(place.package, path, Scope(called[1], called[2]), 0, place.prefix)
        out: set[int] = set()
        for index in self._follow_name(names[min(position, len(names) - 1)], inner, depth + 1):
            out |= self._climb(call, place, index, depth)
        return out

    def _store(self, function: Node, place: Place) -> set[int]:
        name, operand = function.child_by_field_name("field"), function.child_by_field_name("operand")
        if name is None or operand is None or place.scope.file.text(name) not in SYNC_MAP_INSERTS:
            return set()
        return self._insert(operand, place)

    def _as_key(self, index: Node, place: Place) -> set[int]:
        above = index.parent
        statement = above.parent if above is not None and above.type == "expression_list" else None
        operand = index.child_by_field_name("operand")
        if statement is None or operand is None or statement.child_by_field_name("left") != above:
            return set()
        return self._insert(operand, place)

    def _insert(self, container: Node, place: Place) -> set[int]:
        type_ = (place.types.of(container, place.scope) or "").strip()
        line = container.start_point[0] + 1
        at = Place(place.package, place.path, place.scope, line, place.prefix)
        named = name_container(at, container)
        if named is None or not (type_.startswith("map[") or type_ == "sync.Map"):
            self.unclear = True  # an array, a map of another package: what it is nobody says here
            return set()
        self.found.setdefault(named.declared, (at, container))
        return set()


def _starts(place: Place, callee: str | None) -> Iterator[Node]:
    """Yield what may allocate on the line of ``place``: the calls of ``callee``, without one any expression."""
    file = place.scope.file
    name = callee.rpartition(".")[2] if callee else None
    for node in file.walk(place.scope.function):
        if node.start_point[0] + 1 > place.line or node.end_point[0] + 1 < place.line:
            continue
        if name is None:
            on_line = node.start_point[0] + 1 == place.line
            if on_line and (node.type in _ALLOCATES):
                yield node
        elif node.type == "call_expression" and _is_call_of(file, node, name):
            yield node


def _is_call_of(file: GoFile, call: Node, name: str) -> bool:
    function = call.child_by_field_name("function")
    called = file.text(function).split("[", 1)[0].rpartition(".")[2] if function else ""
    return called == name.split("[", 1)[0]


def _is_of(statement: Node, function: Node) -> bool:
    """Tell whether ``statement`` is the function's own and not a closure's in it."""
    around = statement.parent
    while around is not None and around != function:
        if around.type == "func_literal":
            return False
        around = around.parent
    return True


def _symbol(package: str, file: GoFile, function: Node) -> str:
    """Return what the runtime calls ``function``: pkg.(*T).Put, pkg.(*Cache[...]).Put, pkg.put."""
    receiver = function.child_by_field_name("receiver")
    name = file.name_of(function)
    if receiver is None:
        return f"{package}.{name}"
    type_, _, method = name.partition(".")
    text = file.text(receiver)
    type_ += "[...]" if "[" in text else ""
    return f"{package}.(*{type_}).{method}" if "*" in text else f"{package}.{type_}.{method}"
