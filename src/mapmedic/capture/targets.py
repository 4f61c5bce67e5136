"""What the word TARGET of the command line means."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from mapmedic.errors import TargetUnsupported, UsageError

_PPROF_SUFFIX = re.compile(r"/debug/pprof(?:/.*)?$")


class TargetKind(StrEnum):
    """The kinds of TARGET that DESIGN promises."""

    HTTP = "http"
    PROCESS = "process"
    CORE = "core"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Target:
    """One target; ``base_url`` is set for HTTP (no /debug/pprof, no trailing slash), ``path`` for files."""

    text: str
    kind: TargetKind
    base_url: str | None = None
    path: Path | None = None


def parse_target(text: str) -> Target:
    """Return what ``text`` names; UsageError where it names nothing."""
    if text.startswith(("http://", "https://")):
        return Target(text, TargetKind.HTTP, base_url=_base_url(text))
    if text.isdigit() or text.startswith("pid:"):
        return Target(text, TargetKind.PROCESS)
    if text.startswith("core:"):
        return Target(text, TargetKind.CORE)
    path = Path(text)
    if path.is_file():
        return Target(text, TargetKind.FILE, path=path)
    if re.fullmatch(r"[\w.-]+:\d+(/.*)?", text):
        return Target(text, TargetKind.HTTP, base_url=_base_url("http://" + text))
    raise UsageError(f"{text!r} is neither a URL, a PID, core:PATH nor a file that exists")


def http_base(target: Target) -> str:
    """Return the base URL of an HTTP target; TargetUnsupported for the other kinds."""
    if target.base_url is None:
        raise TargetUnsupported(target.text, _WHY_NOT_HTTP[target.kind])
    return target.base_url


_WHY_NOT_HTTP = {
    TargetKind.PROCESS: "a process cannot be read from outside yet; give its net/http/pprof URL",
    TargetKind.CORE: "core files cannot be read yet; give a net/http/pprof URL or a saved session",
    TargetKind.FILE: "a file cannot be captured from or changed; give the service's net/http/pprof URL",
}


def _base_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{url!r} is not a URL: {error}") from error
    if not parts.hostname or port == 0:
        raise UsageError(f"{url!r} names no host")
    if parts.username or parts.password:
        raise UsageError("credentials in a URL end up in logs and reports; leave them out")
    path = _PPROF_SUFFIX.sub("", parts.path).rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
