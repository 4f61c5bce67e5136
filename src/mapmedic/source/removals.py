"""Whether anything ever takes out of a container: every delete, clear and re-make of it in its package.

Each place where the container's name stands is looked at: what is done to it there, to a copy of it in a
local variable, or by a function of the package that it is handed to. The first making is no re-make.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mapmedic.model.findings import Removal
from mapmedic.source.go_file import GoFile, Node
from mapmedic.source.package import GoPackage
from mapmedic.source.types import Scope, TypeReader

MAX_PLACES = 5_000
MAX_HANDED_ON = 3
MAX_SECONDS = 5.0
_BUILTIN = {b"delete": "delete", b"clear": "clear", b"maps.DeleteFunc": "delete", b"maps.Clear": "clear"}
_METHODS = {
    "Delete": "delete", "LoadAndDelete": "delete", "CompareAndDelete": "delete", "Clear": "clear",
}  # fmt: skip
_WRAPPERS = ("parenthesized_expression", "unary_expression", "expression_list", "argument_list")


@dataclass(frozen=True, slots=True)
class Target:
    """The container that is looked for.

    ``owner`` is the struct whose field it is, None for a variable; ``function`` the one it is local to.
    """

    name: str
    owner: str | None = None
    function: Node | None = None


@dataclass(frozen=True, slots=True)
class _Use:
    """One thing done to the container; ``first``: it may be how the container was made in the first place."""

    removal: Removal
    first: bool = False


def find_removals(package: GoPackage, target: Target, root: Path) -> tuple[Removal, ...] | None:
    """Return every delete, clear and re-make of ``target`` in ``package``, paths below ``root``, in order.

    None where it takes longer than 5 s: half an answer would be none.
    """
    deadline = time.monotonic() + MAX_SECONDS
    search = _Search(package, TypeReader(package), root)
    uses: list[_Use] = []
    made_elsewhere = False
    for path, file in package.files.items():
        for node in _places(file, target.name):
            if time.monotonic() > deadline:
                return None
            function = _function_around(node)
            if target.function is not None and function != target.function:
                continue
            made_elsewhere |= _is_initialised(node)
            expression = search.expression_of(node, target, file, function)
            if expression is not None and function is not None:
                uses += search.uses(expression, path, Scope(file, function))
    first = [use for use in uses if use.first]
    if len(first) == 1 and not made_elsewhere:
        uses.remove(first[0])  # declared without a value: this is how it was made
    return tuple(dict.fromkeys(sorted((use.removal for use in uses), key=lambda r: (r.file, r.line))))


def _places(file: GoFile, name: str) -> Iterator[Node]:
    """Yield the node of each word ``name`` in ``file``, comments and texts aside."""
    pattern = re.compile(rb"(?<![\w])" + re.escape(name.encode()) + rb"(?![\w])")
    for count, match in enumerate(pattern.finditer(file.source)):
        if count >= MAX_PLACES:
            return
        node = file.root.descendant_for_byte_range(match.start(), match.end())
        if node is not None and node.type in ("identifier", "field_identifier"):
            yield node


def _function_around(node: Node) -> Node | None:
    around: Node | None = node
    while around is not None and around.type not in ("function_declaration", "method_declaration"):
        around = around.parent
    return around


def _is_initialised(node: Node) -> bool:
    """Tell whether ``node`` is what a composite literal, a var or a ``:=`` gives a value to."""
    above = node.parent
    if above is not None and above.type == "literal_element" and above.parent is not None:
        pair = above.parent
        return pair.type == "keyed_element" and pair.named_children[0] == above
    if above is not None and above.type == "var_spec":
        return above.child_by_field_name("value") is not None
    declaration = above.parent if above is not None and above.type == "expression_list" else None
    return declaration is not None and declaration.type == "short_var_declaration"


@dataclass(frozen=True, slots=True)
class _Search:
    package: GoPackage
    types: TypeReader
    root: Path

    def expression_of(self, node: Node, target: Target, file: GoFile, function: Node | None) -> Node | None:
        """Return the expression at ``node`` that is the container, None where it is something else."""
        if target.owner is None:
            local = function is not None and file.is_local(function, target.name)
            return node if node.type == "identifier" and local == (target.function is not None) else None
        selector = node.parent
        if node.type != "field_identifier" or selector is None or selector.type != "selector_expression":
            return None
        operand = selector.child_by_field_name("operand")
        type_ = self.types.of(operand, Scope(file, function)) if operand and function else None
        if type_ is None:
            return selector  # nobody says whose it is: better a delete too many than one overlooked
        found = self.types.field(type_, target.name)
        return selector if found is not None and found[0] == target.owner else None

    def uses(self, expression: Node, path: Path, scope: Scope, depth: int = 0) -> list[_Use]:
        """Return what is done to ``expression``, where it stands and where it is handed to."""
        node, above = expression, expression.parent
        while above is not None and above.type in _WRAPPERS:
            node, above = above, above.parent
        if above is None:
            return []
        if above.type == "call_expression":
            return self._handed_to(above, expression, path, scope, depth)
        if above.type == "selector_expression" and above.parent is not None:
            return self._method(above, path, scope, depth)
        if above.type in ("assignment_statement", "short_var_declaration", "var_spec"):
            return self._assigned(above, node, expression, path, scope, depth)
        return []

    def _handed_to(self, call: Node, expression: Node, path: Path, scope: Scope, depth: int) -> list[_Use]:
        function, arguments = call.child_by_field_name("function"), call.child_by_field_name("arguments")
        if function is None or arguments is None:
            return []
        index = next((i for i, each in enumerate(arguments.named_children) if _holds(each, expression)), None)
        if function.text in _BUILTIN:
            return [self._use(_BUILTIN[function.text or b""], call, path, scope)] if index == 0 else []
        called = self.types.function_called(call, scope)
        names = called[1].parameters(called[2]) if called else []
        if called is None or index is None or index >= len(names) or not names[index]:
            return []
        return self._inside(names[index], called[1], called[2], depth)

    def _method(self, selector: Node, path: Path, scope: Scope, depth: int) -> list[_Use]:
        """Return what calling a method of the container does: sync.Map's own, or that of a named map type."""
        name, call = selector.child_by_field_name("field"), selector.parent
        if name is None or call is None or call.type != "call_expression":
            return []
        called = self.types.function_called(call, scope)
        if called is not None:
            receiver = called[1].receiver(called[2])
            return self._inside(receiver, called[1], called[2], depth) if receiver else []
        what = _METHODS.get(scope.file.text(name))
        return [self._use(what, call, path, scope)] if what is not None else []

    def _inside(self, name: str, file: GoFile, function: Node, depth: int) -> list[_Use]:
        """Return what ``function`` does to the container that it knows as ``name``."""
        if depth >= MAX_HANDED_ON:
            return []
        path = next(path for path, each in self.package.files.items() if each is file)
        return self._uses_of_local(name, path, Scope(file, function), depth + 1)

    def _assigned(
        self, statement: Node, side: Node, expression: Node, path: Path, scope: Scope, depth: int
    ) -> list[_Use]:
        left = statement.child_by_field_name("left")
        if side == left and statement.type == "assignment_statement":
            if _is_first_making(statement, expression, scope):
                return []
            right = statement.child_by_field_name("right")
            emptied = right is not None and right.text == b"nil"
            return [_Use(self._use("re-make", statement, path, scope).removal, first=not emptied)]
        # m := t.sessions: what is done to m is done to it.
        copies = scope.file.names_of(statement) if side != left and depth < MAX_HANDED_ON else []
        return self._uses_of_local(copies[0], path, scope, depth + 1) if len(copies) == 1 else []

    def _uses_of_local(self, name: str, path: Path, scope: Scope, depth: int) -> list[_Use]:
        found: list[_Use] = []
        for node in scope.file.identifiers_in(scope.function, name):
            # A new value for the copy leaves the container as it is.
            found += [use for use in self.uses(node, path, scope, depth) if use.removal.what != "re-make"]
        return found

    def _use(self, what: str, node: Node, path: Path, scope: Scope) -> _Use:
        line = node.start_point[0] + 1
        file = path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else path.name
        return _Use(Removal(what, file, line, scope.file.line(line)))


def _holds(node: Node, inner: Node) -> bool:
    return node.start_byte <= inner.start_byte and inner.end_byte <= node.end_byte


def _is_first_making(statement: Node, expression: Node, scope: Scope) -> bool:
    """Tell whether ``statement`` gives a container its first value: a constructor's, or ``if m == nil``."""
    text = scope.file.text(expression)
    around = statement.parent
    while around is not None and around != scope.function:
        condition = around.child_by_field_name("condition") if around.type == "if_statement" else None
        if condition is not None and re.sub(r"\s", "", scope.file.text(condition)) == f"{text}==nil":
            return True
        around = around.parent
    first = expression
    while first.named_children and first.type != "identifier":
        first = first.named_children[0]
    made = [node for node, _ in scope.declarations(scope.file.text(first))]
    return first != expression and any(_makes_new(node, scope) for node in made)


def _makes_new(declaration: Node, scope: Scope) -> bool:
    right = declaration.child_by_field_name("right") or declaration.child_by_field_name("value")
    text = scope.file.text(right).lstrip("& ") if right else ""
    return text.startswith("new(") or (right is not None and bool(re.match(r"[\w.]+(?:\[[^\]]*\])?\{", text)))
