"""From an error to what a person needs: what, where, likely causes, one next command."""

from __future__ import annotations

import difflib
import re
import shlex
from dataclasses import dataclass
from functools import singledispatch
from urllib.parse import urlsplit

from mapmedic import errors
from mapmedic.cli import process_advice, tls_advice
from mapmedic.report.inert import inert

_MOST_CANDIDATES = 40


@dataclass(frozen=True, slots=True)
class Advice:
    """What happened, where, why it may have, and the one thing to try next."""

    what: str
    where: str
    causes: tuple[str, ...]
    next: str


def _quoted(text: str) -> str:
    """Return a path or URL as one word of a shell: what we print is what people paste."""
    return shlex.quote(inert(text))


@singledispatch
def advise(error: errors.MapmedicError) -> Advice:
    """Return the advice on ``error``."""
    return Advice(
        str(error), "mapmedic itself", ("a bug; the traceback says where",), "report it with the traceback"
    )


@advise.register
def _(error: errors.UsageError) -> Advice:
    return Advice(
        str(error),
        "the command line",
        ("a word is misspelt, missing or too many",),
        "mapmedic COMMAND --help",
    )


@advise.register
def _(error: errors.AmbiguousName) -> Advice:
    return Advice(
        f"{error.name!r} could mean {len(error.candidates)} maps",
        ", ".join(error.candidates),
        ("several registered maps end in that name",),
        f"say which: --map {_quoted(error.candidates[0])}" if error.candidates else "mapmedic hotfix --help",
    )


@advise.register
def _(error: errors.AmbiguousOwner) -> Advice:
    return Advice(
        f"{error.name!r} could mean {len(error.candidates)} maps",
        inert(", ".join(error.candidates[:_MOST_CANDIDATES])),
        ("several maps have that name or end in it",),
        "say which by its address, as 0x… in the list",
    )


@advise.register
def _(error: errors.UnknownOwner) -> Advice:
    return Advice(
        f"none of {error.maps:,} maps is called {error.name!r}",
        inert(f"like it: {', '.join(error.nearest)}") if error.nearest else "the process's maps",
        ("the name is misspelt", "the map went since it was listed"),
        f"say {_quoted(error.nearest[0])}" if error.nearest else "mapmedic heap TARGET lists them",
    )


@advise.register
def _(error: errors.UnknownMap) -> Advice:
    near = difflib.get_close_matches(error.name, _endings(error.registered), n=1, cutoff=0.5)
    if not error.registered:
        return Advice(
            "no map is registered with the agent",
            "the agent in the service",
            ("the code that calls agent.RegisterMap has not run yet, or there is none",),
            "register it in the service: agent.RegisterMap(NAME, &theMap, &itsLock)",
        )
    return Advice(
        f"no registered map is called {error.name!r}",
        f"registered: {', '.join(error.registered)}",
        ("the name is misspelt", "the map is not registered with the agent in this service"),
        f"say which: --map {_quoted(near[0] if near else error.registered[0])}",
    )


def _endings(names: tuple[str, ...]) -> list[str]:
    """Return what --map takes for each of ``names``: the whole name, and what stands behind each dot."""
    return [".".join(name.split(".")[start:]) for name in names for start in range(name.count(".") + 1)]


@advise.register
def _(error: errors.CannotWrite) -> Advice:
    return Advice(
        f"cannot write {error.path}: {error.why}",
        error.path,
        ("its folder is not there", "you may not write there"),
        "name a file in a folder that you may write to, such as your own: ~/" + _quoted(_name(error.path)),
    )


def _name(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2] or "NAME"


@advise.register
def _(error: errors.OutputExists) -> Advice:
    cause = "an earlier run wrote it"
    if error.path.endswith(".partial"):
        cause = "an earlier capture was cut short; it can be read: mapmedic diagnose " + _quoted(error.path)
    return Advice(
        f"{error.path} exists already", error.path, (cause,), "give another name, or --force to replace it"
    )


@advise.register
def _(error: errors.CouldNotLook) -> Advice:
    return Advice(
        str(error),
        "what was to be looked at or written",
        (
            "the file is not there, is not a regular file, or its rights do not allow it",
            "the disk is full",
        ),
        "mapmedic doctor",
    )


@advise.register
def _(error: errors.HeapUnreadable) -> Advice:
    return Advice(
        str(error),
        "the memory that was read; the process is as it was",
        (
            "the program was packed, obfuscated or built by a toolchain of its own",
            "it was read while it ran, or is being started or ended",
        ),
        "the same command again; over HTTP: mapmedic diagnose http://HOST:PORT",
    )


@advise.register
def _(error: errors.CannotRead) -> Advice:
    return Advice(
        f"cannot read {error.path}: {error.why}",
        error.path,
        ("the name is misspelt, or it is in another folder", "you may not read it, or it is no regular file"),
        f"ls -l {_quoted(error.path)}",
    )


@advise.register
def _(error: errors.JournalUnwritable) -> Advice:
    return Advice(
        f"not begun: the journal cannot be written: {error.why}",
        error.path,
        ("this user has no home that can be written", "the disk is full"),
        "the same command with --journal FOLDER",
    )


@advise.register
def _(error: errors.TlsFailed) -> Advice:
    return Advice(
        f"no answer: {error.why}",
        error.url,
        tls_advice.CAUSES.get(error.cause, ("the two sides have no version or cipher in common",)),
        tls_advice.NEXT.get(error.cause, f"curl -sS -v -m 5 -o /dev/null {_quoted(error.url)}"),
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
        f"getent hosts {_quoted(host)}",
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


_ASKED = re.compile(r"/(?:debug/(?:pprof|mapmedic|vars)|metrics)(?:[/?].*)?$")


def _base(url: str) -> str:
    return _ASKED.sub("", url).rstrip("/")


def _curl_words(url: str) -> str:
    """Return ``url`` as curl wants it; a unix socket is an option of its own."""
    match = _ASKED.search(url)
    if not url.startswith("unix://") or match is None:
        return _quoted(url)
    path = url.removeprefix("unix://")[: match.start() - len("unix://")]
    return f"--unix-socket {_quoted(path)} {_quoted('http://localhost' + match.group())}"


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


@advise.register
def _(error: errors.FormatError) -> Advice:
    place = "" if error.offset is None else f", byte {error.offset:,}"
    return Advice(
        error.why,
        f"{error.what}{place}",
        ("the file was cut short or changed on its way", "it is not what its name says"),
        "give the file that hotfix named as Backup"
        if ": backup" in error.what
        else "capture it again: mapmedic capture URL -o NAME.mapmedic",
    )


@advise.register
def _(error: errors.SessionDamaged) -> Advice:
    return Advice(
        error.why,
        error.path,
        (
            "the file was changed after it was written",
            "it was not written by mapmedic, or by another version",
        ),
        f"tar tvf {_quoted(error.path)}   (a session is a tar; what is whole can be taken out)",
    )


@advise.register
def _(error: errors.ProcessUnreadable) -> Advice:
    return Advice(
        error.why,
        f"process {error.pid}, which is as it was",
        process_advice.causes(error),
        process_advice.next_step(error),
    )


@advise.register
def _(error: errors.CoreUnreadable) -> Advice:
    return Advice(
        error.why, error.path,
        (
            "it was cut off (a full disk, ulimit -c), or a coredump_filter left memory out",
            "the program's file is elsewhere by now, or was built anew",
        ),
        f"mapmedic heap core:{_quoted(error.path)} --exe PROGRAM",
    )  # fmt: skip


@advise.register
def _(error: errors.TargetUnsupported) -> Advice:
    return Advice(
        error.why, error.target, ("this version looks at services over HTTP, and at files",),
        "mapmedic COMMAND http://HOST:PORT …",
    )  # fmt: skip


@advise.register
def _(error: errors.ToolMissing) -> Advice:
    return Advice(
        f"{error.tool} was not found", f"needed to {error.purpose}", ("it is not installed, or not on PATH",),
        "mapmedic doctor",
    )  # fmt: skip


@advise.register
def _(error: errors.Refused) -> Advice:
    return Advice(
        f"not done: {error}", "the target, which is untouched", ("it was not safe, or not allowed",),
        "look at the plan again without --apply",
    )  # fmt: skip


@advise.register
def _(error: errors.NotAuthorized) -> Advice:
    return Advice(
        f"the agent let nobody in: {error.why}",
        error.url,
        (
            "MAPMEDIC_TOKEN is not set here, or differs from the service's",
            "the service was started without a token, so its agent refuses everything",
        ),
        "MAPMEDIC_TOKEN=… mapmedic hotfix …   (or --token-file FILE)",
    )


@advise.register
def _(error: errors.PreflightFailed) -> Advice:
    return Advice(
        "not done: a condition of the plan does not hold",
        "; ".join(error.failed),
        ("something changed in the service since the plan was shown",),
        "mend that, or look at the plan again without --apply",
    )


@advise.register
def _(error: errors.HealthTurnedBad) -> Advice:
    return Advice(
        "not done: the service turned bad during the fix, so everything was put back",
        "; ".join(error.complaints),
        (
            "the service does not bear the empty map: what refills it is too slow or too much at once",
            "something else hit the service at the same moment",
        ),
        "look at the service; a smaller step: --strategy evict --where …, or other bars: --health-latency",
    )


@advise.register
def _(error: errors.BackupFailed) -> Advice:
    return Advice(
        f"not done: the entries could not be saved, so they were put back: {error.why}",
        error.path,
        (
            "the disk is full, or the folder cannot be written",
            "the connection broke, or the service ended, before the last entry had come",
            "the hold was too short for the size of the map (--hold)",
        ),
        "the same command with --backup FILE on another disk (or --no-backup, and nothing can be restored)",
    )


@advise.register
def _(error: errors.AgentRefused) -> Advice:
    return Advice(
        f"the agent refused: {error.message}", f"code {error.code}, HTTP {error.status}",
        ("another operation is under way, or the map is not what it was",),
        "look at the plan again without --apply",
    )  # fmt: skip


@advise.register
def _(error: errors.RestoreIncomplete) -> Advice:
    return Advice(
        f"{error.done:,} of {error.entries:,} entries are known to be back, then: {error.why}",
        error.path,
        ("the connection broke, or the service is too busy to give its lock",),
        "the same command again: what is back already is kept as it is",
    )


@advise.register
def _(error: errors.ProofFailed) -> Advice:
    return Advice(
        "done, but the figures do not show that it worked",
        "; ".join(error.failed),
        ("freed memory goes back only after a second or third GC", "something else holds what was removed"),
        "look again in a minute: mapmedic verify BEFORE AFTER",
    )
