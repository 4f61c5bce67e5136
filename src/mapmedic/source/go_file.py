"""One Go file as a syntax tree, with the few questions we ask of it."""

from __future__ import annotations

import codecs
import os
import stat
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
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
    """Return the file at ``path`` parsed; None where it is no readable regular file of up to 4 MiB."""
    try:
        text = _read_regular_file(path)
    except OSError:
        return None
    if text is None or len(text) > MAX_FILE_BYTES:
        return None
    # A byte order mark is not in Go's grammar for the parser; three blanks keep every offset.
    text = b"   " + text[3:] if text.startswith(codecs.BOM_UTF8) else text
    return GoFile(text, _parser().parse(text).root_node)


def _read_regular_file(path: Path) -> bytes | None:
    # Without O_NONBLOCK, opening a FIFO waits for a writer for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return file.read(MAX_FILE_BYTES + 1)


@dataclass(frozen=True, slots=True)
class GoFile:
    """A parsed file: its bytes and the root of its syntax tree."""

    source: bytes
    root: Node
    _declared_in: dict[int, dict[str, list[tuple[Node, int]]]] = field(default_factory=dict, compare=False)
    _named_in: dict[int, dict[str, list[Node]]] = field(default_factory=dict, compare=False)

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

    @property
    def package(self) -> str:
        """Return the name in the package clause."""
        clause = next((node for node in self.root.children if node.type == "package_clause"), None)
        return self.text(clause.named_children[0]) if clause and clause.named_children else ""

    def is_local(self, function: Node, name: str) -> bool:
        """Tell whether ``name`` is a parameter or result, or is declared inside ``function``."""
        return name in self.declarations_in(function)

    def declarations_in(self, function: Node) -> dict[str, list[tuple[Node, int]]]:
        """Return what ``function`` declares: name -> the declarations, each with its position in the list there."""
        if function.id not in self._declared_in:
            found: dict[str, list[tuple[Node, int]]] = defaultdict(list)
            for node in self.walk(function):
                for index, name in enumerate(self.names_of(node)):
                    found[name].append((node, index))
            self._declared_in[function.id] = dict(found)
        return self._declared_in[function.id]

    def identifiers_in(self, function: Node, name: str) -> list[Node]:
        """Return each place in ``function`` where the identifier ``name`` stands."""
        if function.id not in self._named_in:
            found: dict[str, list[Node]] = defaultdict(list)
            for node in self.walk(function):
                if node.type == "identifier":
                    found[self.text(node)].append(node)
            self._named_in[function.id] = dict(found)
        return self._named_in[function.id].get(name, [])

    def type_of_field(self, struct: Node, name: str) -> str | None:
        """Return the type of the field ``name`` of ``struct``, as written; None where it has no such field."""
        type_ = struct.child_by_field_name("type")
        fields = (
            next((n for n in type_.named_children if n.type == "field_declaration_list"), None)
            if type_
            else None
        )
        for each in fields.named_children if fields else ():
            if name in [self.text(n) for n in each.children_by_field_name("name")]:
                written = each.child_by_field_name("type")
                return self.text(written) if written else None
        return None

    def embedded_in(self, struct: Node) -> list[str]:
        """Return the types that ``struct`` embeds, as written."""
        type_ = struct.child_by_field_name("type")
        lists = [n for n in type_.named_children if n.type == "field_declaration_list"] if type_ else []
        fields = [child for each in lists for child in each.named_children]
        written = [f.child_by_field_name("type") for f in fields if not f.children_by_field_name("name")]
        return [self.text(each) for each in written if each is not None]

    def result_type(self, function: Node, index: int) -> str | None:
        """Return the type of result number ``index`` of ``function``, as written."""
        result = function.child_by_field_name("result")
        if result is None:
            return None
        if result.type != "parameter_list":
            return self.text(result) if index == 0 else None
        types = [self.text(type_) for _, type_ in self._declared(result)]
        return types[index] if index < len(types) else None

    def receiver(self, method: Node) -> str | None:
        """Return the name of the receiver of ``method``, None where it has none."""
        receiver = method.child_by_field_name("receiver")
        names = [name for name, _ in self._declared(receiver)] if receiver else []
        return (names[0] if names else None) or None

    def parameters(self, function: Node) -> list[str]:
        """Return the names of the parameters of ``function``, in order; "" where one has none."""
        parameters = function.child_by_field_name("parameters")
        return [name for name, _ in self._declared(parameters)] if parameters else []

    def variables(self) -> Iterator[tuple[str, str | None]]:
        """Yield the package variables of this file with their declared types, or the types of what they are made as."""
        for declaration in (node for node in self.root.children if node.type == "var_declaration"):
            for spec in (node for node in self.walk(declaration) if node.type == "var_spec"):
                type_ = spec.child_by_field_name("type")
                for name in spec.children_by_field_name("name"):
                    yield self.text(name), self.text(type_) if type_ else self._made_type(spec)

    def _made_type(self, spec: Node) -> str | None:
        value = spec.child_by_field_name("value")
        first = value.named_children[0] if value is not None and value.named_children else None
        literal = first.child_by_field_name("type") if first and first.type == "composite_literal" else None
        if literal is not None:
            return self.text(literal)
        for call in (node for node in self.walk(spec) if node.type == "call_expression"):
            function, arguments = call.child_by_field_name("function"), call.child_by_field_name("arguments")
            if function is not None and function.text == b"make" and arguments and arguments.named_children:
                return self.text(arguments.named_children[0])
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

    def names_of(self, node: Node) -> list[str]:
        """Return the variables that ``node`` declares, in order."""
        if node.type in ("short_var_declaration", "range_clause", "receive_statement"):
            left = node.child_by_field_name("left")
            return [self.text(each) for each in left.named_children] if left else []
        if node.type == "type_switch_statement":
            alias = node.child_by_field_name("alias")
            return [self.text(each) for each in alias.named_children] if alias else []
        if node.type in ("var_spec", "const_spec", "parameter_declaration", "variadic_parameter_declaration"):
            return [self.text(each) for each in node.children_by_field_name("name")]
        return []

    def _bare_type(self, type_: Node) -> str:
        return self.text(type_).lstrip("*").strip().split("[", 1)[0]
