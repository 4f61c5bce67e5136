"""Which entries an eviction takes out of a map: one condition on their keys or values."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

_HIDDEN = re.compile(r"#([0-9a-f]{16}):[0-9a-f]{32}")
_SALT_BYTES, _HASH_BYTES = 8, 16


@dataclass(frozen=True, slots=True)
class EvictCondition:
    """Which entries go: what ``operator`` says of the key or value (``on``), or of its ``field``.

    ``seconds`` is the age of older_than.
    """

    on: str
    operator: str
    field: str | None = None
    value: str | int | None = None
    seconds: int | None = None

    @property
    def text(self) -> str:
        """Return the condition in the words of the command line."""
        subject = f"{self.on}.{self.field}" if self.field else self.on
        if self.operator == "expired":
            return f"{subject} expired"
        if self.operator == "older_than":
            return f"{subject} older_than {self.seconds}s"
        value = f'"{self.value}"' if self._needs_quotes else f"{self.value}"
        return f"{subject} {self.operator} {value}"

    @property
    def _needs_quotes(self) -> bool:
        """Tell whether the value, put bare, would be read as another one."""
        if not isinstance(self.value, str):
            return False
        in_quotes = len(self.value) >= 2 and self.value[0] == self.value[-1] == '"'
        return self.operator == "equals" or in_quotes or self.value != self.value.strip()

    @property
    def is_hidden(self) -> bool:
        """Tell whether a hash stands in the place of the value."""
        return isinstance(self.value, str) and _HIDDEN.fullmatch(self.value) is not None

    def hidden(self, salt: bytes) -> EvictCondition:
        """Return it with a hash in the place of the value, by ``salt`` (8 bytes).

        It takes long enough (RFC 7914) that who has the hash cannot try all that the value might be.
        """
        if self.value is None or self.is_hidden:
            return self
        said = self.text.encode("utf-8", "surrogatepass")
        digest = hashlib.scrypt(said, salt=salt[:_SALT_BYTES], n=1 << 14, r=8, p=1, dklen=_HASH_BYTES)
        return replace(self, value=f"#{salt[:_SALT_BYTES].hex()}:{digest.hex()}")

    def hidden_as(self, other: object) -> EvictCondition:
        """Return it hidden as ``other``, the value of another condition, was; itself where that is no hash."""
        match = _HIDDEN.fullmatch(other) if isinstance(other, str) else None
        return self.hidden(bytes.fromhex(match[1])) if match else self
