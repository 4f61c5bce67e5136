"""One Go file as a syntax tree, with the few questions we ask of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import tree_sitter_go
from tree_sitter import Language, Node, Parser

__all__ = ["GoFile", "Node", "parse_go_file"]

MAX_FILE_BYTES = 4 << 20
MAX_LINE_CHARACTERS = 200
_FUNCTIONS = ("function_declaration", "method_declaration")


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_go.language()))


def parse_go_file(path: Path) -> GoFile | None:
    """Return the file at ``path`` parsed; None where it cannot be read or is larger than 4 MiB."""
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1)
    except OSError:
        return None
    if len(text) > MAX_FILE_BYTES:
        return None
    return GoFile(text, _parser().parse(text).root_node)


@dataclass(frozen=True, slots=True)
class GoFile:
    """A parsed file: its bytes and the root of its syntax tree."""

    source: bytes
    root: Node

    def text(self, node: Node) -> str:
        """Return the source of ``node``."""
        return self.source[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def line(self, number: int) -> str:
        """Return line ``number`` (from 1) without its indentation, at most 200 characters."""
        lines = self.source.split(b"\n")
        if not 1 <= number <= len(lines):
            return ""
        return lines[number - 1].decode("utf-8", "replace").strip()[:MAX_LINE_CHARACTERS]

    def walk(self, node: Node) -> Iterator[Node]:
        """Yield ``node`` and all below it; no recursion, so depth does not matter."""
        waiting = [node]
        while waiting:
            current = waiting.pop()
            yield current
            waiting.extend(reversed(current.children))

    def function_at(self, line: int) -> Node | None:
        """Return the function or method declaration that ``line`` stands in."""
        for node in self.root.children:
            if node.type in _FUNCTIONS and node.start_point[0] < line <= node.end_point[0] + 1:
                return node
        return None

    def name_of(self, function: Node) -> str:
        """Return ``Name`` of a function or ``Type.Name`` of a method."""
        name = function.child_by_field_name("name")
        own = self.text(name) if name else ""
        receiver = function.child_by_field_name("receiver")
        if receiver is None:
            return own
        types = [self._bare_type(type_) for _, type_ in self._declared(receiver)]
        return f"{types[0]}.{own}" if types else own

    def type_of_parameter(self, function: Node, name: str) -> str | None:
        """Return the bare type (no pointer, no type arguments) of a receiver or parameter called ``name``."""
        if self._is_declared_in(function, name):
            return None  # shadowed by a local variable of whatever type
        for list_name in ("receiver", "parameters"):
            parameters = function.child_by_field_name(list_name)
            for declared, type_ in self._declared(parameters) if parameters else ():
                if declared == name:
                    return self._bare_type(type_)
        return None

    def is_local(self, function: Node, name: str) -> bool:
        """Tell whether ``name`` is a parameter or is declared inside ``function``."""
        return self.type_of_parameter(function, name) is not None or self._is_declared_in(function, name)

    def type_of_field(self, struct: str, name: str) -> str | None:
        """Return the type of ``name`` in the struct type ``struct`` of this file, as written."""
        for spec in (node for node in self.walk(self.root) if node.type == "type_spec"):
            declared = spec.child_by_field_name("name")
            if declared is not None and self.text(declared) == struct:
                return self._field_type(spec, name)
        return None

    def type_of_variable(self, name: str) -> str | None:
        """Return the declared type of the package variable ``name``, or of what it is made as."""
        for declaration in (node for node in self.root.children if node.type == "var_declaration"):
            for spec in (node for node in self.walk(declaration) if node.type == "var_spec"):
                if name in [self.text(n) for n in spec.children_by_field_name("name")]:
                    type_ = spec.child_by_field_name("type")
                    return self.text(type_) if type_ else self._made_type(spec)
        return None

    def _made_type(self, spec: Node) -> str | None:
        for call in (node for node in self.walk(spec) if node.type == "call_expression"):
            function, arguments = call.child_by_field_name("function"), call.child_by_field_name("arguments")
            if function is not None and function.text == b"make" and arguments and arguments.named_children:
                return self.text(arguments.named_children[0])
        return None

    def _field_type(self, spec: Node, name: str) -> str | None:
        for field in (node for node in self.walk(spec) if node.type == "field_declaration"):
            if name in [self.text(n) for n in field.children_by_field_name("name")]:
                type_ = field.child_by_field_name("type")
                return self.text(type_) if type_ else None
        return None

    def _declared(self, parameters: Node) -> Iterator[tuple[str, Node]]:
        for declaration in parameters.named_children:
            type_ = declaration.child_by_field_name("type")
            if type_ is not None:
                names = declaration.children_by_field_name("name")
                for name in names:
                    yield self.text(name), type_
                if not names:
                    yield "", type_

    def _is_declared_in(self, function: Node, name: str) -> bool:
        body = function.child_by_field_name("body")
        for node in self.walk(body) if body else ():
            if node.type in ("short_var_declaration", "range_clause"):
                left = node.child_by_field_name("left")
                if left and name in [self.text(n) for n in left.named_children]:
                    return True
            if node.type == "var_spec" and name in [
                self.text(n) for n in node.children_by_field_name("name")
            ]:
                return True
        return False

    def _bare_type(self, type_: Node) -> str:
        text = self.text(type_).lstrip("*").strip()
        return text.split("[", 1)[0]
