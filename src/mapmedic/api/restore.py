"""Put the entries that a fix saved before it dropped them back into the map."""

from __future__ import annotations

from pathlib import Path

from mapmedic.api.agent import with_agent
from mapmedic.capture.record import Progress
from mapmedic.model.connection import DIRECT, Connection
from mapmedic.model.restore import Restored, RestorePlan
from mapmedic.remedy import restore as remedy_restore
from mapmedic.remedy.journal import Journal, default_folder


def plan_restore(
    target: str,
    path: Path,
    token: str | None,
    connection: Connection = DIRECT,
    *,
    map_name: str | None = None,
) -> RestorePlan:
    """Return what putting the backup at ``path`` back would do; nothing is changed."""
    return with_agent(
        target, token, connection, lambda link: remedy_restore.plan_restore(link, target, path, map_name)
    )


def apply_restore(
    plan: RestorePlan,
    token: str | None,
    connection: Connection = DIRECT,
    *,
    journal_folder: Path | None = None,
    progress: Progress | None = None,
) -> Restored:
    """Put the entries of ``plan``'s backup back; journal first. It can be repeated."""
    journal = Journal(journal_folder or default_folder(), plan.map)
    tell = progress or (lambda _what, _share: None)
    try:
        return with_agent(
            plan.target,
            token,
            connection,
            lambda link: remedy_restore.apply_restore(link, plan, journal, tell),
        )
    finally:
        journal.close()
