"""What kills behind each step of a look cost, as a table."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass

PROGRAMS = {
    "fork": ("threads", "profile", "exec"),
    "freeze": ("threads", "profile", "exec", "confined"),
    "live": ("threads",),
}
_WORDS = {
    "0 SEIZE": "a thread was seized",
    "0 INTERRUPT": "a thread was asked to stop",
    "0 CONT": "a thread in the middle of a clone was let through",
    "0 GETREGS": "the registers of a thread were read",
    "0 GETSIGMASK": "the signal mask of the borrowed thread was read",
    "0 POKEDATA": "a word of the code was written",
    "0 COPY": "a piece of the memory was copied",
    "0 DETACH": "a thread was let go",
    "1 SETREGS": "the borrowed thread was sent to the code",
    "1 SETSIGMASK": "its signals were blocked, or no more",
    "1 SYSCALL": "it was let run to the entry of the fork, through it",
    "1 GETEVENTMSG": "the id of the copy was read",
    "1 GETREGS": "the answer was read",
    "2 SETREGS": "the borrowed thread was put back",
    "2 POKEDATA": "a word of the code was zeroed, or written again to reap",
    "2 DETACH": "a thread was let go",
    "2 SETOPTIONS": "the copy was bound to us",
    "2 COPY": "a piece of the copy was read",
    "2 KILL": "the copy was killed",
    "2 SEIZE": "a thread was seized to reap the copy",
    "2 INTERRUPT": "it was asked to stop",
    "2 GETREGS": "its registers were read",
    "2 GETSIGMASK": "its signal mask was read",
    "3 SETREGS": "it was sent to the code",
    "3 SETSIGMASK": "its signals were blocked, or no more",
    "3 SYSCALL": "it was let run to the entry of the wait, through it",
    "3 GETREGS": "the answer was read",
    "4 SETREGS": "it was put back",
    "4 POKEDATA": "a word of the code was zeroed",
    "4 DETACH": "it was let go",
}


_PREAMBLE = """\
`make soak` (`python -m tests.live.survival`) kills `mapmedic heap` with SIGKILL behind each system call of its work on
another process, at once or up to 2 ms later. The process counts its own ticks, reads, sleeps, wakes and signals, holds
numbers in its registers, and says what it lost; it makes threads, is profiled 500 times a second, starts children, or
is confined by seccomp. A zombie is a copy that nobody reaped: it has no memory, and goes with the process.
"""


@dataclass(frozen=True, slots=True)
class Kill:
    """One kill, and what it cost: ``broken`` is what the program says, ``left`` what the kernel shows of it."""

    way: str
    program: str
    step: str
    is_alive: bool
    broken: tuple[str, ...]
    left: tuple[str, ...]
    zombies: int

    @property
    def cost(self) -> tuple[str, ...]:
        """Return everything that is wrong after it."""
        return (*(() if self.is_alive else ("it ended",)), *self.broken, *self.left)


def render(done: list[Kill], minutes: float) -> str:
    """Return the table as Markdown: a line for each step of each way."""
    lines = [
        "# Killed at every step",
        "",
        _PREAMBLE,
        f"{time.strftime('%Y-%m-%d', time.gmtime())}, {platform.system()} {platform.release()} {platform.machine()}, "
        f"{os.cpu_count()} cores shared with other work, n = {len(done)} kills, {sum(bool(k.cost) for k in done)} cost "
        f"something, {minutes:.0f} minutes.",
        "",
        "| way | killed behind | kills | alive | all its loops went on | threads stopped or copies running "
        "| broken calls, signals, registers | zombies left |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for way, step in sorted({(kill.way, kill.step) for kill in done}, key=lambda each: _place(*each)):
        of_it = [kill for kill in done if (kill.way, kill.step) == (way, step)]
        zombies = sum(kill.zombies for kill in of_it)
        stuck = sum(any(each.startswith("no more") for each in kill.broken) for kill in of_it)
        broken = sum(any(not each.startswith("no more") for each in kill.broken) for kill in of_it)
        lines.append(
            f"| {way} | {_WORDS[step]} | {len(of_it)} | {sum(kill.is_alive for kill in of_it)} "
            f"| {len(of_it) - stuck} | {sum(bool(kill.left) for kill in of_it)} | {broken} | {zombies} |"
        )
    return "\n".join(lines) + "\n"


def _place(way: str, step: str) -> tuple[int, int]:
    return list(PROGRAMS).index(way), list(_WORDS).index(step)
