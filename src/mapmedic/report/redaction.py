"""Entries without what they say: hashes in the place of keys and values, counts and ages as they are."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import replace

from mapmedic.model.entries import Contents, Entry, Grouping, MapEntries
from mapmedic.model.evict_condition import EvictCondition
from mapmedic.model.field_wish import FieldPlan
from mapmedic.model.go_values import Boxed, Elements, GoValue, Plain, Pointer, Said, Struct, Text
from mapmedic.model.holders import MapHolders
from mapmedic.model.inventory import MapInstance
from mapmedic.model.outside import OutsidePlan

_HASH_DIGITS = 12
# A key (or an index) in a path: tenants["a"].items, byID[42].m.
_KEY = re.compile(r'\["(?:[^"\\]|\\.)*"\]|\[[^\]"…]+\]')
_RAW = "the bytes of an unknown type are left out"


class Redaction:
    """Puts a hash in the place of every text and number. The same content has the same hash, within one run only.

    Without the salt, which nobody is told, a number could be found again by trying them all.
    """

    def __init__(self) -> None:
        self._salt = secrets.token_bytes(16)

    def entries(self, entries: MapEntries) -> MapEntries:
        """Return ``entries`` with nothing of what its keys and values say; paths lose the keys in them."""
        map_ = self._map(entries.map)
        contents = None if entries.contents is None else self._contents(entries.contents)
        notes = entries.notes if entries.raw is None else (*entries.notes, _RAW)
        return replace(entries, map=map_, contents=contents, raw=None, notes=notes)

    def holders(self, holders: MapHolders) -> MapHolders:
        """Return ``holders`` without the keys in the names of its steps."""
        steps = tuple(replace(each, name=self.path(each.name)) for each in holders.steps)
        others = tuple(replace(each, name=self.path(each.name)) for each in holders.others)
        root = self.path(holders.root)
        return replace(holders, map=self._map(holders.map), root=root, steps=steps, others=others)

    def plan(self, plan: OutsidePlan) -> OutsidePlan:
        """Return ``plan`` without what keys say: in groups of them, in names of the map, its holders and locks."""
        return replace(
            plan,
            map=self._map(plan.map),
            holders=None if plan.holders is None else self.holders(plan.holders),
            contents=None if plan.contents is None else self._contents(plan.contents),
            locks=tuple(replace(each, evidence=self.path(each.evidence)) for each in plan.locks),
            fields=tuple(map(self._field, plan.fields)),
        )

    def condition(self, condition: EvictCondition) -> EvictCondition:
        """Return ``condition`` without its value, which says what keys or values do."""
        return condition.hidden(self._salt)

    def _field(self, field: FieldPlan) -> FieldPlan:
        where, why = tuple(map(self.condition, field.where)), field.why_left
        for said, hidden in zip(field.where, where, strict=True):
            why = why.replace(said.text, hidden.text)
        return replace(field, owner=self.path(field.owner), where=where, why_left=why)

    def _map(self, map_: MapInstance) -> MapInstance:
        if map_.path is None:
            return map_
        return replace(map_, owner=self.path(map_.owner), path=self.path(map_.path))

    def _contents(self, contents: Contents) -> Contents:
        shown = tuple(Entry(self.value(each.key), self.value(each.value)) for each in contents.shown)
        return replace(contents, shown=shown, groupings=tuple(map(self._grouping, contents.groupings)))

    def _grouping(self, grouping: Grouping) -> Grouping:
        groups = tuple(replace(each, name=self.text(each.name)) for each in grouping.groups)
        return replace(grouping, groups=groups)

    def path(self, path: str) -> str:
        """Return ``path`` with a hash for each key in it."""
        return _KEY.sub(lambda match: f"[{self.text(match.group())}]", path)

    def text(self, content: str) -> str:
        """Return what stands for ``content``."""
        digest = hashlib.blake2b(content.encode("utf-8", "surrogatepass"), key=self._salt)
        return f"#{digest.hexdigest()[:_HASH_DIGITS]}"

    def value(self, value: GoValue) -> GoValue:
        """Return ``value`` with its shape and types kept, and nothing of what it says."""
        match value:
            case Plain(type_, plain) if plain is not None:
                hashed: GoValue = Said(type_, self.text(str(plain)))
            case Text(type_, text, length, _):
                hashed = Text(type_, self.text(text), length, is_whole=True)
            case Said(type_, text):
                hashed = Said(type_, self.text(text))
            case Struct(_, fields, _):
                hashed = replace(value, fields=tuple((name, self.value(each)) for name, each in fields))
            case Elements(_, _, _, first):
                hashed = replace(value, first=tuple(self.value(each) for each in first))
            case Pointer(_, _, to, _) if to:
                hashed = replace(value, to=self.value(to))
            case Boxed(_, inner) if inner:
                hashed = replace(value, value=self.value(inner))
            case _:  # nil, or unreadable
                hashed = value
        return hashed
