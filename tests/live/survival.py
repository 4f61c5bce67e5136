"""Kill the tool behind every step of its work on a process that is hard to stop, and count what that costs the process.

    python -m tests.live.survival [--kills 100]     # for each program and way; what `make soak` runs

Each kill is a SIGKILL that the tool is dealt behind one system call (tests/live/killed_at.c), at once or up to 2 ms
later. Writes docs/reference/survival.md, and exits 1 where a kill cost anything.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mapmedic.memory.room import read_text
from tests.live.aftermath import wrong_with
from tests.live.scenarios import ROOT
from tests.live.survival_table import PROGRAMS, Kill, render
from tests.live.survival_target import Busy, build_busy_program, busy

TABLE = ROOT / "docs" / "reference" / "survival.md"
_LONGEST_DELAY_NS = 2_000_000
_KILLED, _TRIES = -9, 20


class Killer:
    """What looks at processes and is killed for it, one look in one process."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process, self._steps = process, folder / "steps"

    def steps(self, pid: int, way: str) -> Counter[str]:
        """Return the steps of a whole look, and how often each comes."""
        for _ in range(_TRIES):
            if self._ask(pid=pid, snapshot=way, tell=str(self._steps)) == 0:
                return Counter(self._steps.read_text().splitlines())
        raise AssertionError(f"no look by {way} is whole")

    def kill(self, pid: int, way: str, step: str, nth: int, delay_ns: int) -> bool:
        """Look, and die behind ``step``; tell whether it came to that."""
        ended = self._ask(pid=pid, snapshot=way, step=step, nth=nth, delay_ns=delay_ns)
        return ended == _KILLED

    def _ask(self, **words: str | int) -> int:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())


@contextmanager
def killer(folder: Path) -> Iterator[Killer]:
    """Start what looks and is killed; its files are in ``folder``."""
    library = folder / "killed_at.so"
    source = Path(__file__).with_name("killed_at.c")
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    pipe, environment = subprocess.PIPE, {**os.environ, "LD_PRELOAD": str(library)}
    words = [sys.executable, "-m", "tests.live.nursery"]
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True, env=environment, cwd=ROOT) as process:
        yield Killer(process, folder)
        assert process.stdin is not None
        process.stdin.close()


def kills(program: Path, how: str, way: str, many: int, killing: Killer) -> Iterator[Kill]:
    """Kill ``many`` looks, spread evenly over the steps, and yield what each cost."""
    chance = random.Random(f"{how} {way}")  # noqa: S311 - when to kill is no secret
    with busy(program, how) as found:
        steps, zombies = killing.steps(found.pid, way), _zombies(found.pid)
        first = chance.randrange(len(steps))
        for number in range(first, first + many):
            # A step that comes only at times (a thread being made) is asked for until it does.
            step = list(steps)[number % len(steps)]
            for _ in range(_TRIES):
                delay = chance.choice((0, chance.randrange(_LONGEST_DELAY_NS)))
                if killing.kill(found.pid, way, step, chance.randint(1, steps[step]), delay):
                    kill = _aftermath(found, how, way, step, zombies)
                    zombies += kill.zombies
                    yield kill
                    break
            else:
                continue
            if kill.cost:
                return  # what comes behind it would be counted twice
        killing.steps(found.pid, way)  # nothing is used up by them: a look is whole again


def _aftermath(found: Busy, how: str, way: str, step: str, zombies: int) -> Kill:
    if not found.is_alive:
        return Kill(way, how, step, False, (), (), 0)
    broken, left = found.goes_on(), wrong_with(found.pid, its_own=how == "exec")
    added = _zombies(found.pid) - zombies
    return Kill(way, how, step, found.is_alive, tuple(broken), tuple(left), added)


def _zombies(pid: int) -> int:
    """Return how many ended copies of ``pid`` nobody has reaped; a child of its own has another name."""
    own = read_text(Path(f"/proc/{pid}/comm"))
    lists = [read_text(path) for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return sum(read_text(Path(f"/proc/{each}/comm")) == own for text in lists for each in text.split())


def main() -> int:
    """Kill, print what a kill cost, write the table; return 1 where one cost anything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=100)
    options = parser.parse_args()
    done: list[Kill] = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mapmedic-survival-") as name:
        folder = Path(name)
        program = build_busy_program(folder)
        with killer(folder) as killing:
            for way, programs in PROGRAMS.items():
                for how in programs:
                    done += kills(program, how, way, options.kills, killing)
                    print(f"{way:6} {how:9} {len(done)} kills", flush=True)
    costly = [kill for kill in done if kill.cost]
    for kill in costly:
        print(f"{kill.way}, {kill.program}, behind {kill.step}: {'; '.join(kill.cost)}")
    TABLE.write_text(render(done, (time.monotonic() - began) / 60), encoding="utf-8")
    print(f"wrote {TABLE.relative_to(ROOT)}: {len(done)} kills, {len(costly)} cost something")
    return 1 if costly else 0


if __name__ == "__main__":
    sys.exit(main())
