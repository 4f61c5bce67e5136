"""From a target to somebody who visits it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from mapmedic.capture import endpoints, gops
from mapmedic.capture.gops import GopsVisitor
from mapmedic.capture.http import HttpClient
from mapmedic.capture.layout import find_layout
from mapmedic.capture.plan import CapturePlan
from mapmedic.capture.process import ProcessVisitor
from mapmedic.capture.questions import Asking
from mapmedic.capture.targets import Target, TargetKind, http_base
from mapmedic.capture.visit import HttpVisitor, Together, Visitor
from mapmedic.errors import UsageError
from mapmedic.model.connection import Connection
from mapmedic.model.session import Keep


@asynccontextmanager
async def open_visitor(
    target: Target,
    plan: CapturePlan,
    connection: Connection,
    keep: Keep,
    process: Target | None = None,
) -> AsyncIterator[Visitor]:
    """Yield who visits ``target``, and ``process`` beside it, which is the same program seen from outside.

    UsageError where ``plan`` asks for what nobody there can do; ProcessUnreadable where there is no such process.
    """
    if target.kind is TargetKind.PROCESS:
        yield _process_visitor(target, plan, keep)
        return
    if plan.image and process is None:
        raise UsageError(
            f"--image keeps the memory of a process on this machine: give its pid beside {target.text}"
        )
    async with _open_remote(target, plan, connection, keep) as remote:
        yield Together((remote, _beside(process, plan, keep))) if process else remote


@asynccontextmanager
async def _open_remote(
    target: Target, plan: CapturePlan, connection: Connection, keep: Keep
) -> AsyncIterator[Visitor]:
    if target.kind is TargetKind.GOPS:
        yield _gops_visitor(target, plan, keep)
        return
    async with HttpClient(plan.most, connection=connection, socket_path=target.socket_path) as client:
        layout = await find_layout(client, http_base(target))
        asking = Asking(client, layout, keep, plan.force_gc, plan.agent_token)
        over_time = []
        if plan.cpu_seconds:
            over_time.append(endpoints.cpu_profile(plan.cpu_seconds))
        if plan.trace_seconds:
            over_time.append(endpoints.execution_trace(plan.trace_seconds))
        yield HttpVisitor(asking, tuple(over_time))


def _gops_visitor(target: Target, plan: CapturePlan, keep: Keep) -> GopsVisitor:
    parts = urlsplit(target.base_url or "")
    for wanted, given, name in (
        (plan.cpu_seconds, gops.CPU_SECONDS, "--cpu"),
        (plan.trace_seconds, gops.TRACE_SECONDS, "--trace"),
    ):
        if wanted and wanted != given:
            raise UsageError(f"a gops agent has its own length for that: {name} {given:g}s")
    return GopsVisitor(
        parts.hostname or "", parts.port or 0, keep, plan.most, plan.force_gc,
        cpu=plan.cpu_seconds > 0, trace=plan.trace_seconds > 0,
    )  # fmt: skip


def _process_visitor(target: Target, plan: CapturePlan, keep: Keep) -> ProcessVisitor:
    for wanted, name in (
        (plan.force_gc, "--gc"),
        (plan.cpu_seconds, "--cpu"),
        (plan.trace_seconds, "--trace"),
    ):
        if wanted:
            raise UsageError(
                f"{name} asks the service itself: give its net/http/pprof URL beside {target.text}"
            )
    return ProcessVisitor(target, keep, len(plan.moments) - 1, plan.inside, image=plan.image)


def _beside(process: Target, plan: CapturePlan, keep: Keep) -> ProcessVisitor:
    return ProcessVisitor(process, keep, len(plan.moments) - 1, plan.inside, is_alone=False, image=plan.image)
