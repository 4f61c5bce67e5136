"""Bytes of a process that are to become others."""

from __future__ import annotations

from dataclasses import dataclass

PAGE = 4096


@dataclass(frozen=True, slots=True)
class Change:
    """``old`` lies at ``address``, and ``new``, of the same length, is to lie there."""

    address: int
    old: bytes
    new: bytes

    @property
    def by_page(self) -> tuple[Change, ...]:
        """Return it in parts, each within one page of memory."""
        parts, at = [], 0
        while at < len(self.new):
            end = at + PAGE - (self.address + at) % PAGE
            parts.append(Change(self.address + at, self.old[at:end], self.new[at:end]))
            at = end
        return tuple(parts)
