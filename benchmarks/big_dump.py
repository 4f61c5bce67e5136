"""A goroutine dump of a service with far too many goroutines, made of the blocks of real dumps."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

GOLDENS = Path(__file__).resolve().parents[1] / "tests" / "golden" / "captured"
PACKAGES = 24
_ARGUMENT = re.compile(rb"0x[0-9a-f]+(?=[?,)}])")
_HEADER = re.compile(rb"goroutine \d+ \[([^\]]+)\]:\n")
_PARENT = re.compile(rb" in goroutine \d+")
_ARGUMENTS = re.compile(rb"\([^()]*\)$")
_OFFSET = re.compile(rb" \+0x[0-9a-f]+$")
_ADDRESS = 0xC000000000


@dataclass(frozen=True, slots=True)
class Template:
    """A goroutine with places for its id, its waiting time and its ``arguments`` addresses.

    ``stack`` is what twins have in common: the state and the frames without arguments and offsets.
    """

    text: bytes
    arguments: int
    stack: bytes


def write_big_dump(path: Path, goroutines: int) -> Counter[bytes]:
    """Write so many goroutines over some hundred stacks; return how many stand at each. The same each time."""
    templates = list(_templates())
    random = Random(7)  # noqa: S311 - the same each time
    weights = [1 / (rank + 1) for rank in range(len(templates))]
    counts: Counter[bytes] = Counter()
    with path.open("wb") as file:
        for number, template in enumerate(random.choices(templates, weights, k=goroutines), 1):
            counts[template.stack] += 1
            wait = b", %d minutes" % (number % 50 + 1) if number % 3 else b""
            first = _ADDRESS + 256 * number
            addresses = range(first, first + 8 * template.arguments, 8)
            file.write(template.text % (number, wait, *addresses))
    return counts


def _templates() -> Iterator[Template]:
    """Yield each block of the goldens under several packages."""
    for package in range(PACKAGES):
        for dump in sorted(GOLDENS.glob("*/goroutine.txt")):
            for block in dict.fromkeys(dump.read_bytes().strip().split(b"\n\n")):
                yield _template(block.replace(b"main.", b"example.com/service%d/worker." % package))


def _template(block: bytes) -> Template:
    header = _HEADER.match(block)
    assert header is not None, block[:80]  # noqa: S101 - the goldens are ours
    state, *remarks = header[1].split(b", ")
    locked = b", locked to thread" if b"locked to thread" in remarks else b""
    frames = _PARENT.sub(b"", block[header.end() :])
    text, arguments = _ARGUMENT.subn(b"%#x", frames.replace(b"%", b"%%"))
    lines = [_OFFSET.sub(b"", _ARGUMENTS.sub(b"", line)) for line in frames.splitlines()]
    return Template(
        b"goroutine %d [" + state + b"%s" + locked + b"]:\n" + text + b"\n\n",
        arguments,
        b"\n".join([state, *lines]),
    )
