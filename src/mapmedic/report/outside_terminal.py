"""The plan for a process without an agent, on a terminal: which map, who holds it, what goes, what is asked for."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from mapmedic.model.entries import Ages, Contents, Grouping
from mapmedic.model.field_wish import FieldPlan
from mapmedic.model.holders import MapHolders
from mapmedic.model.outside import OutsidePlan
from mapmedic.model.remedy import FixPlan
from mapmedic.report.figures import bytes_text, count_text, duration_text, entries_text, percent_text
from mapmedic.report.inert import SHOWN_LIMIT, WHOLE_LIMIT, inert
from mapmedic.report.outcome_words import saving_text
from mapmedic.report.outside_words import title_of
from mapmedic.report.terminal_parts import bullets, conditions_list, heading, pairs, paragraph

_KEY_LIMIT = 60
_MOST_GROUPS, _MOST_BANDS, _MOST_HOLDERS = 4, 4, 3
_NS_PER_MS = 1e6


def print_outside_plan(console: Console, plan: FixPlan, outside: OutsidePlan) -> None:
    """Print ``plan``, of which ``outside`` is the part that has no agent."""
    target = outside.target
    paragraph(console, Text(f"Plan: {title_of(plan, outside)}. Nothing has been changed.", "bold"))
    program = (
        f"{inert(target.exe, SHOWN_LIMIT)} ({target.go_version}{', stripped' if target.stripped else ''})"
    )
    pairs(
        console,
        [
            ("Process", f"{target.pid}: {program}, without an agent"),
            *_maps(outside),
            *[("Where", inert(each.text, WHOLE_LIMIT)) for each in plan.where],
            *_holders(outside.holders),
            *[
                ("Lock", inert(f"{each.kind} at {each.address:#x}: {each.evidence}", WHOLE_LIMIT))
                for each in outside.locks
            ],
        ],
    )
    _print_contents(console, outside.contents, "What is in it" if plan.strategy == "evict" else "What goes")
    sentences_list(console, "What would be done", plan.steps, numbered=True)
    conditions_list(console, plan.conditions)
    sentences_list(console, "Asked for in the stop in which it is written", outside.guards)
    sentences_list(console, "What the program may notice", outside.notices)
    pairs(
        console,
        [
            ("Pause", _pause(outside)),
            ("Undo", inert(plan.undo, WHOLE_LIMIT)),
            *([("Entries", saving_text(outside))] if outside.saving else []),
            ("Journal", inert(f"a new file in {outside.journal_folder}", WHOLE_LIMIT)),
            *[("Note", inert(note, WHOLE_LIMIT)) for note in plan.notes],
        ],
    )


def _maps(outside: OutsidePlan) -> Iterator[tuple[str, str]]:
    if not outside.fields:
        yield "Map", _what(outside)
        yield "Holds", _bytes(outside)
        return
    for each in outside.fields:
        yield "Field", inert(f"{each.name}: {_done_to(each)}: {_field(each)}", WHOLE_LIMIT)
    yield "Holds", f"{bytes_text(outside.held_bytes)} go with the entries"


def _done_to(field: FieldPlan) -> str:
    met = f" ({field.condition})" if field.condition not in ("", field.name) else ""
    if not field.chosen:
        return f"left as it is{met}{field.why_left and f', {field.why_left}'}"
    if field.matches is None:
        return f"emptied{met}"
    where = "; ".join(each.text for each in field.where)
    return (
        f"{count_text(field.matches)} of {entries_text(field.entries)} go{met}{where and f', where {where}'}"
    )


def _field(field: FieldPlan) -> str:
    kind = inert(field.type or "a map of unknown type", SHOWN_LIMIT)
    return f"{kind} at {field.address:#x}, {entries_text(field.entries)}, {bytes_text(field.held_bytes)}"


def _what(outside: OutsidePlan) -> str:
    map_ = outside.map
    room = "" if map_.capacity is None else f", room for {count_text(map_.capacity)}"
    kind = inert(map_.type or "a map of unknown type", SHOWN_LIMIT)
    return f"{kind} at {map_.address:#x} ({map_.design}), {entries_text(map_.entries)}{room}"


def _bytes(outside: OutsidePlan) -> str:
    map_ = outside.map
    said = [f"{bytes_text(outside.held_bytes)} go with its entries"]
    said.append(f"its own table {bytes_text(map_.shallow_bytes)}")
    if map_.dead_bytes:
        said.append(f"of it {bytes_text(map_.dead_bytes)} dead")
    if map_.shared_bytes:
        said.append(f"{bytes_text(map_.shared_bytes)} that others hold too stay")
    return ", ".join(said)


def _holders(holders: MapHolders | None) -> Iterator[tuple[str, str]]:
    if holders is None:
        return
    yield "Held by", inert(holders.root, SHOWN_LIMIT)
    for other in holders.others[:_MOST_HOLDERS]:
        yield "Also by", inert(f"{other.name}, which leads to the {other.of}", SHOWN_LIMIT)
    left = holders.others_count - len(holders.others[:_MOST_HOLDERS])
    if left > 0:
        yield "", f"and {count_text(left)} more"


def _pause(outside: OutsidePlan) -> str:
    most = f"never more than {outside.budget_ms:g} ms at a time"
    if not outside.measured_ms:
        return f"{most}; it was not worth a stop just now"
    longest = duration_text(max(outside.measured_ms) * _NS_PER_MS)
    return f"about {longest}, as just tried with nothing written; {most}"


def sentences_list(
    console: Console, title: str, sentences: tuple[str, ...], *, numbered: bool = False
) -> None:
    """Print ``sentences`` below ``title``, and nothing where there is none."""
    if not sentences:
        return
    heading(console, title)
    for number, sentence in enumerate(sentences, 1):
        lead = Text(f"{number}. " if numbered else "· ")
        paragraph(console, Text(inert(sentence, WHOLE_LIMIT)), indent=2, lead=lead)


def _print_contents(console: Console, contents: Contents | None, title: str) -> None:
    if contents is None:
        return
    for grouping in [each for each in contents.groupings if each.distinct > 1][:1]:
        heading(console, f"{title}, by {inert(grouping.by)} of the key")
        bullets(console, list(_groups(grouping, contents)), _MOST_GROUPS + 1)
    for ages in contents.ages[:1]:
        heading(console, f"{title}, by age ({inert(ages.field) or 'the value'})")
        bullets(console, list(_bands(ages)), _MOST_BANDS + 1)


def _groups(grouping: Grouping, contents: Contents) -> Iterator[str]:
    shown = grouping.groups[:_MOST_GROUPS]
    for group in shown:
        share = percent_text(group.entries / max(1, contents.looked_at))
        yield f"{inert(group.name, _KEY_LIMIT)}  {share}"
    left = grouping.distinct - len(shown)
    if left > 0:
        yield f"{count_text(left)} more {'group' if left == 1 else 'groups'}"


def _bands(ages: Ages) -> Iterator[str]:
    for band in ages.bands:
        if band.entries:
            share = percent_text(band.entries / max(1, ages.known))
            since = duration_text(band.from_seconds * 1e9)
            until = "" if band.to_seconds is None else f" to {duration_text(band.to_seconds * 1e9)}"
            yield f"{since}{until or ' and older'}  {share}"
