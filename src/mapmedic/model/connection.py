"""How a target is reached: who we say we are, and whom we believe."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Connection:
    """What every request to one target has in common.

    ``authorization`` is the value of that header for the service's own endpoints (the agent's token is
    another thing, and goes to the agent's own endpoints in its place). ``ca_file`` replaces the
    authorities that this machine trusts; ``certificate`` and ``key`` are ours, PEM, the key in the
    certificate's file where it is None.
    """

    authorization: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


DIRECT = Connection()
"""Nobody in particular, trusting what this machine trusts."""
