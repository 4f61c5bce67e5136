"""What type an expression has, as far as one package says: receivers, parameters, locals, fields, elements.

Types are text as written, pointers and type arguments aside. What another package declares is unknown.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from mapmedic.source.go_file import GoFile, Node
from mapmedic.source.package import GoPackage

MAX_DEPTH = 8
_NAMED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?")
_INNER = frozenset(("parenthesized_expression", "unary_expression", "type_assertion_expression"))


@dataclass(frozen=True, slots=True)
class Scope:
    """The function an expression stands in."""

    file: GoFile
    function: Node

    def declarations(self, name: str) -> list[tuple[Node, int]]:
        """Return what declares the local ``name``, each with its position in the list it stands in."""
        return self.file.declarations_in(self.function).get(name, [])


def bare(type_: str) -> str:
    """Return the name in ``*pkg.T[K]``; arrays, slices and maps stay as they are."""
    text = type_.strip().lstrip("*&( ").strip()
    match = _NAMED.match(text)
    return match.group() if match and not text.startswith("map[") else text


def element_of(type_: str) -> str | None:
    """Return what ``[]T``, ``[n]T`` and ``map[K]T`` hold; None for what holds nothing."""
    text = type_.strip().lstrip("*& ").removeprefix("map")
    if not text.startswith("["):
        return None
    depth = 0
    for index, letter in enumerate(text):
        depth += (letter == "[") - (letter == "]")
        if depth == 0:
            return text[index + 1 :].strip() or None
    return None


@dataclass(frozen=True, slots=True)
class TypeReader:
    """Answers for the expressions of one package."""

    package: GoPackage

    def of(self, expression: Node, scope: Scope, depth: int = 0) -> str | None:
        """Return the type of ``expression``, None where this package does not say."""
        if depth > MAX_DEPTH:
            return None
        kind = expression.type
        if kind == "identifier":
            return self._of_name(scope.file.text(expression), scope, depth)
        if kind in ("composite_literal", "type_conversion_expression"):
            written = expression.child_by_field_name("type")
            return scope.file.text(written) if written else None
        if kind == "call_expression":
            return self._of_call(expression, scope, 0, depth)
        return self._of_part(expression, scope, depth)

    def _of_part(self, expression: Node, scope: Scope, depth: int) -> str | None:
        """Return the type of what an operator makes of another expression."""
        kind = expression.type
        operand = expression.child_by_field_name("operand") or (
            expression.named_children[0] if kind in _INNER and expression.named_children else None
        )
        inner = self.of(operand, scope, depth + 1) if operand else None
        if inner is None or kind in _INNER:
            return inner
        name = expression.child_by_field_name("field")
        if kind == "selector_expression" and name:
            field = self.field(inner, scope.file.text(name))
            return field[1] if field else None
        return self._element(inner) if kind == "index_expression" else None

    def field(self, type_: str, name: str, depth: int = 0) -> tuple[str, str] | None:
        """Return (the struct that declares it, its type) for the field ``name`` of ``type_``, promoted ones too."""
        declared = self.package.types.get(bare(type_))
        if declared is None or depth > MAX_DEPTH:
            return None
        own = declared.file.type_of_field(declared.node, name)
        if own is not None:
            return bare(type_), own
        for embedded in declared.file.embedded_in(declared.node):
            if bare(embedded).rpartition(".")[2] == name:
                return bare(type_), embedded
            if (found := self.field(embedded, name, depth + 1)) is not None:
                return found
        return None

    def function_called(self, call: Node, scope: Scope, depth: int = 0) -> tuple[str, GoFile, Node] | None:
        """Return (name, file, declaration) of the package's own function that ``call`` calls."""
        function = call.child_by_field_name("function")
        if function is not None and function.type in ("index_expression", "type_instantiation_expression"):
            function = function.named_children[0]  # f[T](x)
        name = None
        if function is not None and function.type == "identifier":
            name = scope.file.text(function)
        elif function is not None and function.type == "selector_expression":
            operand, field = function.child_by_field_name("operand"), function.child_by_field_name("field")
            type_ = self.of(operand, scope, depth + 1) if operand else None
            name = f"{bare(type_)}.{scope.file.text(field)}" if type_ and field else None
        found = self.package.functions.get(name or "")
        return (name, found.file, found.node) if name and found else None

    def _of_name(self, name: str, scope: Scope, depth: int) -> str | None:
        declared = scope.declarations(name)
        if not declared:
            return self.package.type_of_variable(name)
        known, key = self.package.known_types, (scope.function.id, name)
        if key not in known:
            known[key] = None  # in the making: a variable that is declared by itself has no type
            types = {self._of_declaration(node, index, scope, depth) for node, index in declared}
            known[key] = types.pop() if len(types) == 1 else None
        return known[key]

    def _of_declaration(self, node: Node, index: int, scope: Scope, depth: int) -> str | None:
        written = node.child_by_field_name("type")
        if written is not None:
            return scope.file.text(written)
        right = node.child_by_field_name("right") or node.child_by_field_name("value")
        if right is None:
            return None
        values = right.named_children if right.type == "expression_list" else [right]
        if node.type == "range_clause":
            ranged = self.of(values[0], scope, depth + 1)
            return self._element(ranged) if ranged and index == 1 else None
        if len(values) == 1 and index and values[0].type == "call_expression":
            return self._of_call(values[0], scope, index, depth)
        return self.of(values[index], scope, depth + 1) if index < len(values) else None

    def _of_call(self, call: Node, scope: Scope, index: int, depth: int) -> str | None:
        function, arguments = call.child_by_field_name("function"), call.child_by_field_name("arguments")
        if (
            function is not None
            and function.text in (b"make", b"new")
            and arguments
            and arguments.named_children
        ):
            return scope.file.text(arguments.named_children[0])
        called = self.function_called(call, scope, depth) if depth < MAX_DEPTH else None
        return called[1].result_type(called[2], index) if called else None

    def _element(self, type_: str) -> str | None:
        found = element_of(type_)
        if found is None and (named := self.package.types.get(bare(type_))) is not None:
            underlying = named.node.child_by_field_name("type")
            found = element_of(named.file.text(underlying)) if underlying else None
        return found
