"""One visit: ask everything once, at the same time, and note what did not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from mapmedic.capture import endpoints
from mapmedic.capture.endpoints import Endpoint
from mapmedic.capture.questions import Asking, Questions
from mapmedic.errors import CouldNotLook
from mapmedic.model.findings import Blank
from mapmedic.model.session import Artifact


@dataclass(frozen=True, slots=True)
class Visit:
    """What one visit brought, what it did not, and why not in so many words: kind -> error."""

    artifacts: tuple[Artifact, ...]
    blanks: tuple[Blank, ...]
    errors: dict[str, CouldNotLook]


class Visitor(Protocol):
    """Visits one target again and again; what it brings is kept the moment it is whole."""

    async def visit(self, number: int) -> Visit:
        """Ask everything once; only a session that cannot be written raises."""

    async def poll(self) -> None:
        """Keep the memory figures of this moment, if they can be had cheaply."""

    async def watch(self, number: int) -> Visit:
        """Ask for what takes time and was asked for: a CPU profile, a trace."""


@dataclass
class HttpVisitor:
    """Visits a service over HTTP; remembers which addresses have been named already.

    ``over_time`` are the profiles that take time, asked for once.
    """

    asking: Asking
    over_time: tuple[Endpoint, ...] = ()
    _named: set[int] = field(default_factory=set)

    async def visit(self, number: int) -> Visit:
        """Ask everything once; only a session that cannot be written raises."""
        questions = Questions(self.asking, number)
        await _at_the_same_time(
            questions, (e for e in endpoints.EVERY_VISIT if number == 0 or not e.first_visit_only)
        )
        await questions.take_expvar()
        await questions.take_goroutines()
        await questions.take_symbols(self._named)
        return _visit(questions)

    async def poll(self) -> None:
        """Keep the metrics of this moment for the memory timeline, if they can be had."""
        await Questions(self.asking, 0).take(endpoints.METRICS_POLL)

    async def watch(self, number: int) -> Visit:
        """Ask for the profiles that take time, at the same time."""
        questions = Questions(self.asking, number)
        await _at_the_same_time(questions, self.over_time)
        return _visit(questions)


@dataclass(frozen=True, slots=True)
class Together:
    """Visits one program in several ways, one after another: what one of them forces, the next one sees."""

    visitors: tuple[Visitor, ...]

    async def visit(self, number: int) -> Visit:
        """Ask everything once, in each way."""
        return _joined([await each.visit(number) for each in self.visitors])

    async def poll(self) -> None:
        """Keep the memory figures of this moment."""
        for each in self.visitors:
            await each.poll()

    async def watch(self, number: int) -> Visit:
        """Ask for what takes time."""
        return _joined([await each.watch(number) for each in self.visitors])


def _joined(visits: list[Visit]) -> Visit:
    artifacts = tuple(artifact for visit in visits for artifact in visit.artifacts)
    blanks = tuple(blank for visit in visits for blank in visit.blanks)
    return Visit(artifacts, blanks, {kind: error for visit in visits for kind, error in visit.errors.items()})


async def _at_the_same_time(questions: Questions, asked: Iterable[Endpoint]) -> None:
    try:
        async with asyncio.TaskGroup() as group:
            for endpoint in asked:
                group.create_task(questions.take(endpoint))
    except ExceptionGroup as failed:  # a full disk: the first to notice speaks for all
        raise failed.exceptions[0] from None


def _visit(questions: Questions) -> Visit:
    return Visit(tuple(questions.artifacts), tuple(questions.blanks), dict(questions.errors))
