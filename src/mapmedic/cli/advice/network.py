"""A service gives no answer, or another than was asked for."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from mapmedic import errors
from mapmedic.cli.advice import tls
from mapmedic.cli.advice.form import Advice, advise, quoted

_ASKED = re.compile(r"/(?:debug/(?:pprof|mapmedic|vars)|metrics)(?:[/?].*)?$")


@advise.register
def _(error: errors.TlsFailed) -> Advice:
    return Advice(
        f"no answer: {error.why}",
        error.url,
        tls.CAUSES.get(error.cause, ("the two sides have no version or cipher in common",)),
        tls.NEXT.get(error.cause, f"curl -sS -v -m 5 -o /dev/null {quoted(error.url)}"),
    )


@advise.register
def _(error: errors.TargetUnreachable) -> Advice:
    if error.url.startswith("gops:"):
        return _no_gops_agent(error, f"no answer: {error.why}")
    return Advice(
        f"no answer: {error.why}",
        error.url,
        (
            "the service is not running, or listens on another address or port",
            "a firewall or a network policy is in between (try: kubectl port-forward POD 6060)",
            "the service is stuck, or so short of memory that it cannot answer",
        ),
        f"curl -sS -m 5 -o - {_curl_words(_base(error.url) + '/debug/pprof/')} | head",
    )


@advise.register
def _(error: errors.HostUnknown) -> Advice:
    host = urlsplit(error.url).hostname or "HOST"
    return Advice(
        f"no such host: {error.why}",
        error.url,
        (
            "the name is misspelt",
            "the name is known only inside the cluster or the VPN (try: kubectl port-forward POD 6060)",
        ),
        f"getent hosts {quoted(host)}",
    )


def _no_gops_agent(error: errors.TargetUnreachable | errors.UnexpectedAnswer, what: str) -> Advice:
    return Advice(
        what,
        error.url,
        (
            "the program does not start github.com/google/gops/agent, or has ended",
            "it runs as another user, or its agent has a folder of its own (GOPS_CONFIG_DIR says where)",
        ),
        "gops   (lists the processes that have an agent)",
    )


def _base(url: str) -> str:
    return _ASKED.sub("", url).rstrip("/")


def _curl_words(url: str) -> str:
    """Return ``url`` as curl wants it; a unix socket is an option of its own."""
    match = _ASKED.search(url)
    if not url.startswith("unix://") or match is None:
        return quoted(url)
    path = url.removeprefix("unix://")[: match.start() - len("unix://")]
    return f"--unix-socket {quoted(path)} {quoted('http://localhost' + match.group())}"


@advise.register
def _(error: errors.UnexpectedAnswer) -> Advice:
    if error.status in (401, 403, 407):
        return _wants_credentials(error)
    if error.url.startswith("gops:"):
        return _no_gops_agent(error, f"something answered, but {error.why}")
    return Advice(
        f"something answered, but {error.why}",
        error.url,
        (
            "the service does not import net/http/pprof, or serves it on another port or path",
            "a proxy or a login page answers in its place",
        ),
        f"curl -sS -m 5 -i {_curl_words(error.url)} | head",
    )


def _wants_credentials(error: errors.UnexpectedAnswer) -> Advice:
    return Advice(
        f"it let nobody in: it answered {error.why}",
        error.url,
        (
            "the service, or a proxy before it, wants to know who asks, and was not told or told wrong",
            "whoever asks may not see this",
        ),
        "--auth-file FILE, or MAPMEDIC_AUTH   ('Bearer TOKEN' or 'user:password')",
    )
