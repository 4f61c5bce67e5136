"""The options that say how a live target is reached; every command that talks to one has them."""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from mapmedic.cli.options import read_secret
from mapmedic.errors import UsageError
from mapmedic.model.connection import Connection

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_OPTIONS = (
    click.option(
        "--auth-file", type=_FILE,
        help="File with what the service wants to see from its callers: 'Bearer TOKEN' or 'user:password'; by "
        "default the environment variable MAPMEDIC_AUTH.",
    ),
    click.option("--ca-file", type=_FILE, help="Authorities (PEM) to believe in place of this machine's."),
    click.option("--cert", "certificate", type=_FILE, help="Our certificate (PEM), where the service wants one."),
    click.option("--key", type=_FILE, help="Its private key, where that is not in the same file."),
)  # fmt: skip


def connection_options(command: F) -> F:
    """Add --auth-file, --ca-file, --cert and --key; the command gets them as one ``connection``."""

    @functools.wraps(command)
    def connected(
        *words: Any, auth_file: Path | None, ca_file: Path | None, certificate: Path | None,
        key: Path | None, **more: Any,
    ) -> Any:  # fmt: skip
        if key is not None and certificate is None:
            raise UsageError("--key without --cert: a private key alone shows nobody who we are")
        connection = Connection(_authorization(auth_file), ca_file, certificate, key)
        return command(*words, connection=connection, **more)

    for option in reversed(_OPTIONS):
        connected = option(connected)
    return connected  # type: ignore[return-value]


def _authorization(auth_file: Path | None) -> str | None:
    secret = read_secret(auth_file, "MAPMEDIC_AUTH", "credentials")
    if secret is None:
        return None
    scheme, _, token = secret.partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return f"Bearer {token.strip()}"
    if ":" in secret:
        return "Basic " + base64.b64encode(secret.encode()).decode()
    where = auth_file or "the environment variable MAPMEDIC_AUTH"
    raise UsageError(f"{where} holds neither 'Bearer TOKEN' nor 'user:password'")
