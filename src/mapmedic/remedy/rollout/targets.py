"""The targets of a roll-out, from the words of a command or the lines of a file: TARGET [HEALTH_URL...]."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from urllib.parse import urlsplit

from mapmedic.capture.targets import Target, TargetKind, live_name, parse_target
from mapmedic.errors import CannotRead, TargetUnreachable, TargetUnsupported, UsageError
from mapmedic.model.rollout import RolloutTarget

MOST_TARGETS = 10_000


def parse_targets(lines: Iterable[str], health: Sequence[str] = ()) -> tuple[RolloutTarget, ...]:
    """Return the targets that ``lines`` name, in their order; ``health`` are URLs to ask with each of them.

    In these {target} stands for the URL of the target and {host} for its host. Empty lines and what follows a # are
    left out. UsageError where a line names no live target or one twice.
    """
    found: dict[str, RolloutTarget] = {}
    for line in lines:
        words = line.partition(" #")[0].split() if not line.lstrip().startswith("#") else []
        if not words:
            continue
        target = _live(words[0])
        name = live_name(target)
        if name in found:
            raise UsageError(f"{name} is named twice: each target is fixed once")
        urls = (*words[1:], *(_filled(url, target) for url in health))
        found[name] = RolloutTarget(name, tuple(map(_required_url, dict.fromkeys(urls))))
        if len(found) > MOST_TARGETS:
            raise UsageError(f"more than {MOST_TARGETS:,} targets are too many for one roll-out")
    if not found:
        raise UsageError("no target is named")
    return tuple(found.values())


def _live(word: str) -> Target:
    try:
        target = parse_target(word)
    except (CannotRead, TargetUnreachable, TargetUnsupported) as error:
        raise UsageError(f"in a list of targets: {error}") from error
    if target.kind not in (TargetKind.HTTP, TargetKind.PROCESS):
        raise UsageError(f"{word!r} is nothing that can be fixed: name URLs of agents, or processes (pid:N)")
    return target


def _filled(url: str, target: Target) -> str:
    host = urlsplit(target.base_url).hostname if target.base_url else None
    if ("{target}" in url or "{host}" in url) and not host:
        raise UsageError(
            f"--health-url {url}: {target.text} has no host; name its own URL behind it, in a file of targets "
            "(@FILE): one line for each, TARGET HEALTH_URL"
        )
    shown = f"[{host}]" if host and ":" in host else host or ""
    return url.replace("{target}", target.base_url or "").replace("{host}", shown)


def _required_url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise UsageError(f"the health URL {url!r} does not begin with http:// or https://")
    return url
