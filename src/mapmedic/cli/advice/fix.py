"""A fix was refused or put back, or did not show."""

from __future__ import annotations

from mapmedic import errors
from mapmedic.cli.advice.form import Advice, advise


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
        (
            "the plan said so already, and nothing was done about it",
            "something changed in the service since the plan was shown",
        ),
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
def _(error: errors.EntriesNotSaved) -> Advice:
    return Advice(
        f"not done: the entries could not be saved: {error.why}",
        f"{error.path}; the process is untouched",
        ("the disk is full, or the folder cannot be written", "the process changed while it was looked at"),
        "the same command with --journal FOLDER on another disk (or --no-backup, and they are gone for good)",
    )


@advise.register
def _(error: errors.NoSafeMoment) -> Advice:
    return Advice(
        f"not done: in none of {error.tries:,} tries was it safe to change the map",
        "; ".join(error.reasons),
        ("its lock is held nearly all the time", "an iterator of it is kept", "it moved, or went"),
        "look at it again (mapmedic heap PID), and try when there is less traffic",
    )  # fmt: skip


@advise.register
def _(error: errors.WriteRefused) -> Advice:
    return Advice(
        f"nothing was written: {error.why}", _place(error),
        ("the map moved or went since it was looked at", "the process may not stand still for long enough"),
        "look at the plan again without --apply",
    )  # fmt: skip


@advise.register
def _(error: errors.WriteUnknown) -> Advice:
    return Advice(
        f"whether all was written is not known: {error.why}", _place(error),
        ("the process ended", "somebody killed the small process that writes for us"),
        "look whether it runs, and at the map: mapmedic heap PID; the journal says what was about to be written",
    )  # fmt: skip


def _place(error: errors.WriteRefused | errors.WriteUnknown) -> str:
    return f"process {error.pid}, address {error.address:#x}"


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
