"""What the word TARGET of the command line means."""

from __future__ import annotations

import errno
import os
import re
import stat
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from mapmedic.errors import CannotRead, TargetUnreachable, TargetUnsupported, UsageError

_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_GOPS = re.compile(r"gops:", re.IGNORECASE)
_SOCKET = re.compile(r"unix://(?=/)", re.IGNORECASE)
_HOST_AND_PORT = re.compile(r"(?:[\w.-]+|\[[0-9A-Fa-f:.]+\]):\d+(?:/.*)?")
_PPROF_SUFFIX = re.compile(r"/debug/pprof(?:/.*)?$")
_PID = re.compile(r"(?:pid:)?0*[1-9][0-9]{0,9}")
_NO_SUCH_FILE = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP)
_CONTROLS = re.compile(r"[\x00-\x20\x7f]")


class TargetKind(StrEnum):
    """The kinds of TARGET."""

    HTTP = "http"
    GOPS = "gops"
    PROCESS = "process"
    CORE = "core"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Target:
    """One target; ``base_url`` is set for HTTP (no /debug/pprof, no trailing slash), ``path`` for files.

    ``socket_path`` is the unix socket behind a ``base_url`` of ``unix://PATH``; of a gops agent it is gops://HOST:PORT.
    """

    text: str
    kind: TargetKind
    base_url: str | None = None
    path: Path | None = None
    socket_path: str | None = None


def parse_target(text: str) -> Target:
    """Return what ``text`` names; UsageError where it names nothing, CannotRead where a file cannot be read."""
    if live := _live_target(text):
        return live
    if _PID.fullmatch(text):
        return Target(text, TargetKind.PROCESS)
    if text.startswith("core:") and text != "core:":
        return Target(text, TargetKind.CORE)
    path = Path(text)
    if text and _is_file(path):
        return Target(text, TargetKind.FILE, path=path)
    if _HOST_AND_PORT.fullmatch(text):
        return Target(text, TargetKind.HTTP, base_url=_base_url("http://" + text))
    # The word is not repeated where it may hold a password.
    shown = "the word with an @ in it" if "@" in text else repr(text)
    raise UsageError(f"{shown} is neither a URL (http://HOST:PORT, unix:///PATH) nor a file that exists")


def _live_target(text: str) -> Target | None:
    if _SCHEME.match(text):
        return Target(text, TargetKind.HTTP, base_url=_base_url(text))
    if _SOCKET.match(text):
        return _socket_target(text)
    if _GOPS.match(text):
        return Target(text, TargetKind.GOPS, base_url=_gops_url(text))
    return None


def _gops_url(text: str) -> str:
    rest = _GOPS.sub("", text)
    if _PID.fullmatch(rest) and not rest.startswith("pid:"):
        return f"gops://127.0.0.1:{_gops_port(int(rest))}"
    url = _base_url(f"gops://{rest.removeprefix('//')}")
    if urlsplit(url).port is None or urlsplit(url).path:
        raise UsageError(f"{text!r} names no gops agent: give gops://HOST:PORT or gops:PID")
    return url


def _gops_port(pid: int) -> int:
    """Return the port that the agent of ``pid`` wrote down (google/gops internal/internal.go)."""
    own = os.environ.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
    file = Path(os.environ.get("GOPS_CONFIG_DIR") or Path(own, "gops")) / str(pid)
    try:
        text = file.read_text(encoding="ascii")[:6].strip()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "no port number"
        raise TargetUnreachable(f"gops:{pid}", f"no agent wrote its port to {file}: {why}") from error
    if not (text.isdigit() and 0 < int(text) < 1 << 16):
        raise TargetUnreachable(f"gops:{pid}", f"{file} holds no port number")
    return int(text)


def _socket_target(text: str) -> Target:
    path = _SOCKET.sub("", text).rstrip("/")
    if _CONTROLS.search(path) or "?" in path or "#" in path:
        raise UsageError(f"{text!r} is no path of a socket: spaces, control characters, ? or # are in it")
    try:
        mode = Path(path).stat().st_mode
    except (OSError, ValueError) as error:
        raise TargetUnreachable(f"unix://{path}", getattr(error, "strerror", None) or str(error)) from error
    if not stat.S_ISSOCK(mode):
        raise UsageError(f"{path} is not a unix socket")
    return Target(text, TargetKind.HTTP, base_url=f"unix://{path}", socket_path=path)


def _is_file(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno in _NO_SUCH_FILE:
            return False
        raise CannotRead(str(path), error.strerror or str(error)) from error
    except ValueError:  # a NUL in it
        return False
    if not stat.S_ISREG(mode):
        # A pipe may never end and never start; a device may be endless.
        raise TargetUnsupported(
            str(path), "a directory, pipe or device holds no capture; give a regular file"
        )
    return True


def live_name(target: Target) -> str:
    """Return the URL, or pid:N, of a target that can be watched; TargetUnsupported for the other kinds."""
    if target.kind is TargetKind.PROCESS:
        return f"pid:{target.text.removeprefix('pid:').lstrip('0')}"
    return target.base_url if target.kind is TargetKind.GOPS and target.base_url else http_base(target)


def http_base(target: Target) -> str:
    """Return the base URL of an HTTP target; TargetUnsupported for the other kinds."""
    if target.base_url is None or target.kind is not TargetKind.HTTP:
        raise TargetUnsupported(target.text, _WHY_NOT_HTTP[target.kind])
    return target.base_url


_WHY_NOT_HTTP = {
    TargetKind.GOPS: "a gops agent shows profiles and changes nothing; give the service's net/http/pprof URL",
    TargetKind.PROCESS: "this takes the agent in the service; give its net/http/pprof URL",
    TargetKind.CORE: "a core holds no profiles; `mapmedic heap core:PATH` lists the maps in it",
    TargetKind.FILE: "a file cannot be captured from or changed; give the service's net/http/pprof URL",
}


def _base_url(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError as error:  # its words repeat the host, and with it a password
        raise UsageError("this is not a URL: its host is malformed") from error
    # First of all checks: the later ones repeat the URL, and what is repeated ends up in logs.
    if "@" in parts.netloc:
        raise UsageError(
            "credentials in a URL end up in logs and reports; put user:password into a file and name it with "
            "--auth-file, or into MAPMEDIC_AUTH"
        )
    if _CONTROLS.search(url):
        raise UsageError(f"{url!r} holds spaces or control characters")
    try:
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{url!r} is not a URL: {error}") from error
    if not parts.hostname or port == 0:
        raise UsageError(f"{url!r} names no host")
    path = _PPROF_SUFFIX.sub("", parts.path).rstrip("/")
    return urlunsplit((parts.scheme, parts.netloc, path, "", ""))
