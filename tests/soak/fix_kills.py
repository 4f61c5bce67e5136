"""Kill the tool at random moments of a whole fix from outside: what that costs the program, and what the journal says.

    python -m tests.soak.fix_kills [--kills 200]

Half of the kills come at any moment of the whole fix, half right behind what the journal says. Writes
docs/reference/fix-kills.md; exits 1 where a kill cost the program anything or left a journal that is wrong.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mapmedic import api
from mapmedic.goheap.gc_words import find_gc_words
from mapmedic.memory.program import read_program
from tests.live.aftermath import wrong_with
from tests.live.scenarios import ROOT
from tests.soak.kill_table import Kill, events_of, journal_wrong, render
from tests.soak.programs import ORDINARY
from tests.support.livefix_program import Livefix
from tools.toolchains import NEWEST

TABLE = ROOT / "docs" / "reference" / "fix-kills.md"
KILLS, MINUTES = 200, 25.0
KIND, MAP = "session-desk", "main.desk.sessions"
ENTRIES = 2_000
# The lock is held for a while now and then, so that it takes some tries to find it free.
_ARGUMENTS = (KIND, "--entries", str(ENTRIES), "--rate", "20", "--held", "50", "--hold-for", "20ms")
_WITHIN_SECONDS = 5.0
# Powers of ten of a second behind what the journal says: from ten microseconds to twenty milliseconds.
_BEHIND = (-5.0, -1.7)
_POLL_SECONDS = 0.0005
# native/src/process/stub.rs: it lies behind the last function, and the next look takes it away.
_STUB, _STUB_BYTES = b"\xeb\x08mapmed", 208


def main(arguments: Sequence[str] | None = None) -> int:
    """Kill, print what a kill cost, write the table; return 1 where one cost anything."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=KILLS)
    parser.add_argument("--minutes", type=float, default=MINUTES, help=f"no more than that ({MINUTES:.0f})")
    options = parser.parse_args(arguments)
    wanted = options.kills
    began, done = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="fix-kills-") as name:
        program = ORDINARY[0].build(NEWEST, Path(name))
        with Livefix(program, *_ARGUMENTS) as service:
            for kill in _kills(service, Path(name), wanted, began + 60 * options.minutes):
                done.append(kill)
                print(
                    f"{len(done)}/{wanted}: killed {kill.stage}: {'; '.join(kill.cost) or 'no harm'}",
                    flush=True,
                )
    costly = [kill for kill in done if kill.cost]
    TABLE.write_text(render(done, time.monotonic() - began), encoding="utf-8")
    print(f"wrote {TABLE.relative_to(ROOT)}: {len(done)} kills, {len(costly)} cost something")
    return 1 if costly else 0


def _kills(service: Livefix, folder: Path, wanted: int, until: float) -> Iterator[Kill]:
    chance = random.Random(5)  # noqa: S311 - when to kill is no secret
    whole = _measure(service, folder / "whole")
    for number in range(wanted):
        journals = folder / f"kill-{number}"
        if number % 2:
            moment = _after(chance.uniform(0.0, whole))
        else:
            moment = _behind(journals, chance.randint(1, 5), 10 ** chance.uniform(*_BEHIND), whole)
        kill = _kill(service, journals, moment)
        yield kill
        if kill.cost or time.monotonic() > until:
            return  # of a cost what comes behind it would be counted twice


def _measure(service: Livefix, journals: Path) -> float:
    """Return how long a whole fix takes, in seconds."""
    service.post("begin")
    began = time.monotonic()
    child = _start(service.process.pid, journals)
    _, status = os.waitpid(child, 0)
    seconds = time.monotonic() - began
    if status:
        raise SystemExit("a fix that nobody kills fails: see above")
    service.post("end")
    service.post("refill", KIND)
    return seconds


def _start(pid: int, journals: Path) -> int:
    """Begin a whole fix in a child of ours, and return its number."""
    child = os.fork()
    if child:
        return child
    ended = 0
    try:
        fix = api.plan_outside(str(pid), api.OutsideRequest(MAP, journal_folder=journals))
        api.apply_outside(fix, within_seconds=_WITHIN_SECONDS)
    except BaseException as error:
        print(repr(error)[:500], file=sys.stderr, flush=True)
        ended = 1
    os._exit(ended)


def _after(seconds: float) -> Callable[[], None]:
    return lambda: time.sleep(seconds)


def _behind(journals: Path, nth: int, delay: float, most: float) -> Callable[[], None]:
    """Return what waits until the journal has its ``nth`` event, and ``delay`` more."""

    def wait() -> None:
        until = time.monotonic() + most
        while len(events_of(journals)) < nth and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
        time.sleep(delay)

    return wait


def _kill(service: Livefix, journals: Path, moment: Callable[[], None]) -> Kill:
    pid = service.process.pid
    service.post("begin")
    child = _start(pid, journals)
    moment()
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    event = ["", *events_of(journals)][-1]
    if service.process.poll() is not None:
        return Kill(event, ("it ended",))
    wrong = [*wrong_with(pid), *_changed_code(pid)]
    service.post("end")
    stats = service.get("stats")
    is_empty = stats["kinds"][KIND]["entries"] < ENTRIES / 2
    wrong += [f"{count} {name}" for name, count in stats["faults"].items() if count]
    wrong += journal_wrong(event, is_empty=is_empty)
    repaired = len(api.repair_left_overs(journals))
    if find_gc_words(read_program(pid)).force_period is None:
        wrong.append("the time between forced collections is not as it was")
    wrong += service.post("exercise", KIND)[KIND]
    service.post("refill", KIND)
    return Kill(event, tuple(wrong), is_empty, repaired)


def _changed_code(pid: int) -> Iterator[str]:
    """Yield a sentence for each mapping of the program's code that is not what its file says: a breakpoint, for one."""
    program = Path(f"/proc/{pid}/exe").readlink()
    said = program.read_bytes()
    with Path(f"/proc/{pid}/mem").open("rb") as memory:
        for line in Path(f"/proc/{pid}/maps").read_text(encoding="ascii").splitlines():
            bounds, rights, offset, *_, path = line.split(maxsplit=5)
            if "x" not in rights or path != str(program):
                continue
            low, high = (int(each, 16) for each in bounds.split("-"))
            of_file = said[int(offset, 16) :][: high - low]
            memory.seek(low)
            if _without_stub(memory.read(len(of_file)), of_file) != of_file:
                yield f"its code at {low:#x} is not that of its file"


def _without_stub(there: bytes, of_file: bytes) -> bytes:
    """Return ``there`` without what a killed look may leave where the file has zeros, which nobody runs."""
    at = there.find(_STUB)
    room = of_file[at : at + _STUB_BYTES]
    if at < 0 or any(room):
        return there
    return there[:at] + room + there[at + len(room) :]


if __name__ == "__main__":
    sys.exit(main())
