"""One conversation with the agent in a service, from an API that waits for its end."""

from __future__ import annotations

import asyncio
import getpass
import os
import platform
from collections.abc import Awaitable, Callable
from typing import TypeVar

from mapmedic.capture.agent import AgentLink
from mapmedic.capture.http import HttpClient
from mapmedic.capture.targets import http_base, parse_target
from mapmedic.errors import NotAuthorized
from mapmedic.model.connection import Connection

Result = TypeVar("Result")


def with_agent(
    target: str, token: str | None, connection: Connection, work: Callable[[AgentLink], Awaitable[Result]]
) -> Result:
    """Return what ``work`` returns of the agent in ``target``; NotAuthorized without a token."""
    parsed = parse_target(target)
    base = http_base(parsed)
    if not token:
        raise NotAuthorized(base, "no token was given")

    async def run() -> Result:
        async with HttpClient(connection=connection, socket_path=parsed.socket_path) as client:
            return await work(AgentLink(client, base, token, _operator()))

    return asyncio.run(run())


def _operator() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run as a user without a name
        user = str(os.getuid())
    return f"{user}@{platform.node()} pid {os.getpid()}"
