"""Conditions of an eviction: from words to the agent's contract, and what is no condition."""

from __future__ import annotations

import pytest

from mapmedic.errors import UsageError
from mapmedic.model.evict_condition import EvictCondition
from mapmedic.remedy.conditions import condition_json, parse_condition


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("key prefix tenant-7:", EvictCondition("key", "prefix", value="tenant-7:")),
        ("key glob user:*", EvictCondition("key", "glob", value="user:*")),
        ("key regex ^a b+$", EvictCondition("key", "regex", value="^a b+$")),
        ("key equals 42", EvictCondition("key", "equals", value=42)),
        ("key equals 1234567890123456789", EvictCondition("key", "equals", value=1234567890123456789)),
        ("key equals 18446744073709551615", EvictCondition("key", "equals", value=2**64 - 1)),
        ("key equals 18446744073709551616", EvictCondition("key", "equals", value="18446744073709551616")),
        ("key equals 007", EvictCondition("key", "equals", value="007")),
        ("key equals ٤٢", EvictCondition("key", "equals", value="٤٢")),
        ('key prefix ""quoted""', EvictCondition("key", "prefix", value='"quoted"')),
        ('key prefix " "', EvictCondition("key", "prefix", value=" ")),
        ('key equals ""', EvictCondition("key", "equals", value="")),
        ('key equals "42"', EvictCondition("key", "equals", value="42")),
        ("key.Tenant equals -1", EvictCondition("key", "equals", "Tenant", value=-1)),
        ("value.Claims.Exp expired", EvictCondition("value", "expired", "Claims.Exp")),
        ("value expired", EvictCondition("value", "expired")),
        ("value.LastSeen older_than 24h", EvictCondition("value", "older_than", "LastSeen", seconds=86_400)),
        ("value.LastSeen older_than 7d", EvictCondition("value", "older_than", "LastSeen", seconds=604_800)),
    ],
)
def test_what_words_mean(text: str, condition: EvictCondition) -> None:
    assert parse_condition(text) == condition
    assert parse_condition(condition.text) == condition


@pytest.mark.parametrize(
    "text",
    [
        "", "key", "key prefix", "keys prefix a", "key. prefix a", "key startswith a", "value older_than 1h30m",
        "value older_than -1h", "value expired 3", "value older_than ٣h", "value.older_than 3h",
        "value older_than 0h", 'key prefix ""', "value older_than", "DROP TABLE x",
    ],
)  # fmt: skip
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(UsageError):
        parse_condition(text)


def test_json_has_only_what_was_said() -> None:
    assert condition_json(parse_condition("key prefix a")) == {"on": "key", "op": "prefix", "value": "a"}
    assert condition_json(parse_condition("value.T older_than 1m")) == {
        "on": "value", "field": "T", "op": "older_than", "seconds": 60,
    }  # fmt: skip
