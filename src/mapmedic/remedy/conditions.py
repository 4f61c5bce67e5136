"""Which entries an eviction takes out, from words to the agent's contract (docs/reference/agent-strategies.md).

key prefix tenant-7:            value.TenantID equals tenant-000000000007
key glob user:*@example.com     value.LastSeen older_than 24h
key regex ^sess-[0-9]+$         value.ExpiresAt expired
"""

from __future__ import annotations

import re

from mapmedic.errors import UsageError
from mapmedic.model.evict_condition import EvictCondition

_TEXT_OPERATORS = ("prefix", "glob", "regex", "equals")
_OPERATORS = (*_TEXT_OPERATORS, "older_than", "expired")
_SUBJECT = re.compile(r"(key|value)(?:\.([\w.]{1,200}))?")
# As Go prints integers: 007 and digits of other scripts are text, an id of 19 or 20 digits is a number.
_WHOLE_NUMBER = re.compile(r"0|-?[1-9][0-9]{0,19}")
_GO_INTEGERS = range(-(2**63), 2**64)
_AGE = re.compile(r"([0-9]{1,9})(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def parse_condition(text: str) -> EvictCondition:
    """Return the condition that ``text`` means: SUBJECT[.FIELD] OPERATOR [VALUE]; UsageError where it means none.

    A whole number after ``equals`` is a number, as Go prints one; in double quotes it is a string.
    """
    words = text.split(None, 2)
    subject = _SUBJECT.fullmatch(words[0]) if words else None
    if subject is None or len(words) < 2 or words[1] not in _OPERATORS:
        raise UsageError(
            f"{text!r} is no condition; say e.g. 'key prefix tenant-7:', 'value.LastSeen older_than 24h', "
            f"'value.ExpiresAt expired' (operators: {', '.join(_OPERATORS)})"
        )
    on, field, operator = subject.group(1), subject.group(2), words[1]
    rest = words[2] if len(words) > 2 else None
    if operator == "expired":
        if rest is not None:
            raise UsageError(f"{text!r}: expired takes no value; it compares with now")
        return EvictCondition(on, operator, field)
    if rest is None:
        raise UsageError(f"{text!r}: {operator} needs a value")
    if operator == "older_than":
        return EvictCondition(on, operator, field, seconds=_age(text, rest))
    value = _value(operator, rest)
    if value == "" and operator != "equals":
        raise UsageError(f"{text!r}: {operator} of nothing would fit everything; swap empties the whole map")
    return EvictCondition(on, operator, field, value=value)


def condition_json(condition: EvictCondition) -> dict[str, object]:
    """Return ``condition`` as the agent's contract has it."""
    facts = {
        "on": condition.on, "field": condition.field, "op": condition.operator,
        "value": condition.value, "seconds": condition.seconds,
    }  # fmt: skip
    return {key: value for key, value in facts.items() if value is not None}


def _age(text: str, words: str) -> int:
    match = _AGE.fullmatch(words)
    if match is None or int(match.group(1)) == 0:
        raise UsageError(f"{text!r}: {words!r} is no age; say 90s, 30m, 24h or 7d")
    return int(match.group(1)) * _SECONDS[match.group(2)]


def _value(operator: str, words: str) -> str | int:
    if operator == "equals" and _WHOLE_NUMBER.fullmatch(words) and int(words) in _GO_INTEGERS:
        return int(words)
    quoted = len(words) >= 2 and words[0] == words[-1] == '"'
    return words[1:-1] if quoted else words
