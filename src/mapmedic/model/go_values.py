"""A Go value as it was read from memory: what is known of it, as deep as was looked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plain:
    """A boolean, a number or nil (None); a complex number is a string."""

    type: str
    value: bool | int | float | str | None


@dataclass(frozen=True, slots=True)
class Text:
    """A string, or bytes that read as one; ``length`` in bytes, of which ``text`` may be only the first."""

    type: str
    text: str
    length: int
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Said:
    """A value in the words that people use for it: a moment, a duration, a UUID, a map's or channel's length."""

    type: str
    text: str


@dataclass(frozen=True, slots=True)
class Struct:
    """(name, value) of each field; ``left_out`` is how many more there are."""

    type: str
    fields: tuple[tuple[str, GoValue], ...]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Elements:
    """An array (``capacity`` None) or a slice, and the first of its ``length`` elements."""

    type: str
    length: int
    capacity: int | None
    first: tuple[GoValue, ...]


@dataclass(frozen=True, slots=True)
class Pointer:
    """A pointer that is not nil; ``to`` is None where it was not followed (too deep), and a cycle where it led back."""

    type: str
    address: int
    to: GoValue | None
    is_cycle: bool = False


@dataclass(frozen=True, slots=True)
class Boxed:
    """What an interface of type ``type`` holds; None for nil."""

    type: str
    value: GoValue | None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Nothing sensible lies at ``address``, and why."""

    address: int
    why: str


GoValue = Plain | Text | Said | Struct | Elements | Pointer | Boxed | Unreadable
