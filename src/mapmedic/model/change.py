"""Bytes of a process that are to become others."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """``old`` lies at ``address``, and ``new``, of the same length, is to lie there."""

    address: int
    old: bytes
    new: bytes
