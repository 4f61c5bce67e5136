"""How much one question to a target may cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How long one question may take in all, retries included, and how many bytes it may bring."""

    seconds: float = 30.0
    max_bytes: int = 256 << 20

    def within(self, other: Limits) -> Limits:
        """Return the tighter of both, bound by bound."""
        return Limits(min(self.seconds, other.seconds), min(self.max_bytes, other.max_bytes))


LOOSEST = Limits(seconds=600.0, max_bytes=512 << 20)
