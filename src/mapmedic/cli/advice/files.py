"""A file cannot be read, or does not hold what it should."""

from __future__ import annotations

from mapmedic import errors
from mapmedic.cli.advice.form import Advice, advise, quoted


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
def _(error: errors.CannotRead) -> Advice:
    return Advice(
        f"cannot read {error.path}: {error.why}",
        error.path,
        ("the name is misspelt, or it is in another folder", "you may not read it, or it is no regular file"),
        f"ls -l {quoted(error.path)}",
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
        f"tar tvf {quoted(error.path)}   (a session is a tar; what is whole can be taken out)",
    )


@advise.register
def _(error: errors.CoreUnreadable) -> Advice:
    return Advice(
        error.why, error.path,
        (
            "it was cut off (a full disk, ulimit -c), or a coredump_filter left memory out",
            "the program's file is elsewhere by now, or was built anew",
        ),
        f"mapmedic heap core:{quoted(error.path)} --exe PROGRAM",
    )  # fmt: skip
