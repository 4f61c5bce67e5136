"""Every error mapmedic raises on purpose.

    MapmedicError                      exit code
    |-- UsageError                     2   the words of the command are off
    |   |-- AmbiguousName                  a name matches several things
    |   |   |-- AmbiguousOwner                 several maps of a process
    |   |   `-- AmbiguousStruct                several instances of a struct
    |   |-- UnknownMap                     no registered map is called that
    |   |-- UnknownOwner                   no map of the process is called that
    |   |-- UnknownStruct                  no struct of the process, or no field with a map in it, is called that
    |   |-- UnknownFunction                no function of the program is called that
    |   |-- AmbiguousFunction              a name means several functions of it
    |   |-- CannotWrite                    a file cannot be made where it was asked for
    |   `-- OutputExists                   a file is never overwritten without --force
    |-- CouldNotLook                   3   nothing was learned; the target is untouched
    |   |-- TargetUnreachable              no connection, time-out
    |   |   |-- HostUnknown                no address for that name
    |   |   `-- TlsFailed                  no TLS session, and whose doing it is
    |   |-- CannotRead                     a file cannot be read
    |   |-- JournalUnwritable              no journal, so nothing was begun
    |   |-- UnexpectedAnswer               something answered, but not what was asked for
    |   |-- FormatError                    bytes that do not parse
    |   |-- SessionDamaged                 a saved session that does not add up
    |   |-- ProcessUnreadable              a process that cannot be stopped, copied or made sense of
    |   |-- CoreUnreadable                 a core that is none, lies, or lacks what is needed
    |   |-- HeapUnreadable                 memory in which Go's own structures are not found, or do not add up
    |   |-- TargetUnsupported              a kind of target this version cannot look at
    |   |   `-- NoImage                        a file that keeps no memory, and memory is needed
    |   `-- ToolMissing                    a program this step needs is not installed
    |-- Refused                        4   not safe, or not allowed; the target is untouched
    |   |-- NotAuthorized                  no token, or a wrong one
    |   |-- PreflightFailed                a condition of the plan does not hold
    |   |   `-- UnwellBefore                   the service answers badly before anything was done to it
    |   |-- HealthTurnedBad                the service answered badly, so everything was put back
    |   |-- NoSafeMoment                   a map of a process that could not be changed safely for as long as was waited
    |   |-- WriteRefused                   a process is not as it was read, or may stand still no longer
    |   |-- BackupFailed                   no whole backup, so everything was put back
    |   |   `-- EntriesNotSaved                of a process without an agent: nothing was begun
    |   `-- AgentRefused                   the agent in the target said no
    |-- RestoreIncomplete              5   some entries of a backup are back, not all
    |-- WriteUnknown                   5   what was to be written into a process may be there in part
    `-- ProofFailed                    5   applied, but the figures do not show that it worked

Errors carry numbers and names, never advice: the command line turns them into what, where,
likely causes and one next command (``cli/advice``). Anything else that escapes is a bug: exit code 70.
"""

from __future__ import annotations

INTERNAL_ERROR_EXIT_CODE = 70


class MapmedicError(Exception):
    """Root of the tree; ``exit_code`` is what the command line exits with.

    ``journal_path`` is where what was begun is written down, None where nothing was.
    """

    exit_code = INTERNAL_ERROR_EXIT_CODE
    journal_path: str | None = None


class UsageError(MapmedicError):
    """Say that the words of the command are off."""

    exit_code = 2


class AmbiguousName(UsageError):
    """Say that ``name`` matches each of ``candidates``."""

    def __init__(self, name: str, candidates: tuple[str, ...]) -> None:
        super().__init__(f"{name!r} matches {len(candidates)} maps: {', '.join(candidates)}")
        self.name = name
        self.candidates = candidates


class AmbiguousOwner(AmbiguousName):
    """Say that ``name`` means several maps of a process; each of ``candidates`` says its address."""


class AmbiguousStruct(AmbiguousName):
    """Say that ``name`` means several instances of a struct; each of ``candidates`` says where it is, and its maps."""


class UnknownOwner(UsageError):
    """Say that none of the ``maps`` maps of a process is called ``name``; ``nearest`` are names like it."""

    def __init__(self, name: str, nearest: tuple[str, ...], maps: int) -> None:
        near = f"; like it: {', '.join(nearest)}" if nearest else ""
        super().__init__(f"none of {maps:,} maps is called {name!r}{near}")
        self.name = name
        self.nearest = nearest
        self.maps = maps


class UnknownStruct(UsageError):
    """Say that no struct, or field of one, with a map in it is called ``name``; ``nearest`` are names like it."""

    def __init__(self, name: str, nearest: tuple[str, ...]) -> None:
        near = f"; like it: {', '.join(nearest)}" if nearest else ""
        super().__init__(f"no struct or field with maps in it is called {name!r}{near}")
        self.name = name
        self.nearest = nearest


class AmbiguousFunction(UsageError):
    """Say that ``name`` means each of the functions ``candidates`` of a program."""

    def __init__(self, name: str, candidates: tuple[str, ...]) -> None:
        super().__init__(f"{name!r} means {len(candidates)} functions: {', '.join(candidates)}")
        self.name = name
        self.candidates = candidates


class UnknownFunction(UsageError):
    """Say that no function of a program is called ``name``; ``nearest`` are names like it."""

    def __init__(self, name: str, nearest: tuple[str, ...]) -> None:
        near = f"; like it: {', '.join(nearest)}" if nearest else ""
        super().__init__(f"no function of the program is called {name!r}{near}")
        self.name = name
        self.nearest = nearest


class UnknownMap(UsageError):
    """Say that no map of ``registered`` is called ``name``."""

    def __init__(self, name: str, registered: tuple[str, ...]) -> None:
        super().__init__(
            f"no registered map is called {name!r}; registered: {', '.join(registered) or 'none'}"
        )
        self.name = name
        self.registered = registered


class CannotWrite(UsageError):
    """Say that no file can be made at ``path``; ``why`` is the system's own reason."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"cannot write {path}: {why}")
        self.path = path
        self.why = why


class OutputExists(UsageError):
    """Say that ``path`` is already there."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} exists already")
        self.path = path


class CouldNotLook(MapmedicError):
    """Say that the target could not be looked at."""

    exit_code = 3


class TargetUnreachable(CouldNotLook):
    """Say that nothing answered at ``url``; ``why`` is the system's own reason."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"no answer from {url}: {why}")
        self.url = url
        self.why = why


class HostUnknown(TargetUnreachable):
    """Say that the name of the host in ``url`` has no address."""


class TlsFailed(TargetUnreachable):
    """Say that no TLS session with ``url`` came about.

    ``cause`` is one of self_signed, unknown_authority, expired, not_yet_valid, wrong_name, wants_certificate,
    hung_up, not_tls, other.
    """

    def __init__(self, url: str, why: str, cause: str) -> None:
        super().__init__(url, why)
        self.cause = cause


class CannotRead(CouldNotLook):
    """Say that the file at ``path`` cannot be read, and why."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"cannot read {path}: {why}")
        self.path = path
        self.why = why


class JournalUnwritable(CouldNotLook):
    """Say that what is about to be done cannot be written down at ``path``, and why."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"cannot write a journal at {path}: {why}")
        self.path = path
        self.why = why


class UnexpectedAnswer(CouldNotLook):
    """Say that ``url`` answered with ``status`` or with something that was not asked for."""

    def __init__(self, url: str, why: str, status: int | None = None) -> None:
        super().__init__(f"{url} answered, but {why}")
        self.url = url
        self.why = why
        self.status = status


class FormatError(CouldNotLook):
    """Say that ``what`` does not parse at byte ``offset`` (None where no single place is to blame)."""

    def __init__(self, what: str, why: str, offset: int | None = None) -> None:
        place = "" if offset is None else f" at byte {offset}"
        super().__init__(f"{what}: {why}{place}")
        self.what = what
        self.why = why
        self.offset = offset


class SessionDamaged(CouldNotLook):
    """Say that the session at ``path`` does not add up."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


class HeapUnreadable(CouldNotLook):
    """Say that Go's own structures are not found in the memory that was read, or contradict each other."""


class ProcessUnreadable(CouldNotLook):
    """Say that the memory of process ``pid`` cannot be read, and why; it is as it was.

    ``cause`` is one of gone, ended, elsewhere, kernel, ourselves, traced, not_permitted, other_machine, not_go,
    confined, too_slow, no_memory, no_process, no_room, other.
    """

    def __init__(self, pid: int, why: str, cause: str = "other") -> None:
        super().__init__(f"process {pid}: {why}")
        self.pid = pid
        self.why = why
        self.cause = cause


class CoreUnreadable(CouldNotLook):
    """Say that the core at ``path`` cannot be read, and why."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


class TargetUnsupported(CouldNotLook):
    """Say that ``target`` is of a kind that cannot be looked at, and why."""

    def __init__(self, target: str, why: str) -> None:
        super().__init__(f"{target}: {why}")
        self.target = target
        self.why = why


class NoImage(TargetUnsupported):
    """Say that the file ``target`` keeps no image of a process's memory."""

    def __init__(self, target: str) -> None:
        super().__init__(target, "it keeps figures, and no image of the memory, which this needs")


class ToolMissing(CouldNotLook):
    """Say that the program ``tool`` is needed for ``purpose`` and was not found."""

    def __init__(self, tool: str, purpose: str) -> None:
        super().__init__(f"{tool} was not found; it is needed to {purpose}")
        self.tool = tool
        self.purpose = purpose


class Refused(MapmedicError):
    """Say that acting is not safe or not allowed; the target is untouched."""

    exit_code = 4


class NotAuthorized(Refused):
    """Say that the agent at ``url`` wants a token, or another one."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(f"the agent at {url} let nobody in: {why}")
        self.url = url
        self.why = why


class PreflightFailed(Refused):
    """Say which conditions of the plan do not hold."""

    def __init__(self, failed: tuple[str, ...]) -> None:
        super().__init__("; ".join(failed))
        self.failed = failed


class UnwellBefore(PreflightFailed):
    """Say what was amiss with the service before anything was done to it."""


class HealthTurnedBad(Refused):
    """Say what was amiss with the service during the fix, which was taken back for it."""

    def __init__(self, complaints: tuple[str, ...]) -> None:
        super().__init__("; ".join(complaints))
        self.complaints = complaints


class NoSafeMoment(Refused):
    """Say that the map at ``address`` of process ``pid`` could not be changed safely in any of ``tries`` stops.

    ``reasons`` are "what kept it from that, how often: the last sentence on it", the most frequent first.
    """

    def __init__(self, pid: int, address: int, tries: int, reasons: tuple[str, ...]) -> None:
        said = "; ".join(reasons)
        super().__init__(
            f"process {pid}: no safe moment for the map at {address:#x} in {tries:,} tries: {said}"
        )
        self.pid = pid
        self.address = address
        self.tries = tries
        self.reasons = reasons


class WriteRefused(Refused):
    """Say why nothing was written at ``address`` of process ``pid``.

    ``cause`` is one of changed, not_whole, too_slow.
    """

    def __init__(self, pid: int, address: int, why: str, cause: str = "changed") -> None:
        super().__init__(f"process {pid}: nothing was written at {address:#x}: {why}")
        self.pid = pid
        self.address = address
        self.why = why
        self.cause = cause


class BackupFailed(Refused):
    """Say that the entries could not be saved at ``path``, so that they were not dropped."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(f"no backup at {path}: {why}")
        self.path = path
        self.why = why


class EntriesNotSaved(BackupFailed):
    """Say that the entries of a map of a process without an agent could not be saved at ``path``."""


class AgentRefused(Refused):
    """Say that the agent answered with its own error ``code`` and ``message``."""

    def __init__(self, code: str, message: str, status: int) -> None:
        super().__init__(f"the agent refused ({code}): {message}")
        self.code = code
        self.message = message
        self.status = status


class RestoreIncomplete(MapmedicError):
    """Say that a restore ended after ``done`` of ``entries`` entries; it can be repeated."""

    exit_code = 5

    def __init__(self, path: str, done: int, entries: int, why: str) -> None:
        super().__init__(f"{done:,} of {entries:,} entries of {path} are known to be back: {why}")
        self.path = path
        self.done = done
        self.entries = entries
        self.why = why


class WriteUnknown(MapmedicError):
    """Say that what was to be written at ``address`` of process ``pid`` may be there in part: ``why`` nobody knows."""

    exit_code = 5

    def __init__(self, pid: int, address: int, why: str) -> None:
        super().__init__(f"process {pid}: what was to be written at {address:#x} may be there in part: {why}")
        self.pid = pid
        self.address = address
        self.why = why


class ProofFailed(MapmedicError):
    """Say which checks of the proof did not pass; the fix itself was applied."""

    exit_code = 5

    def __init__(self, failed: tuple[str, ...]) -> None:
        super().__init__("; ".join(failed))
        self.failed = failed
