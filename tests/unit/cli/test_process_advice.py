"""Every cause of a process that cannot be read has its own words and one next step."""

from __future__ import annotations

import re

import pytest

from mapmedic import errors
from mapmedic.cli.advice import advise
from mapmedic.cli.advice.process import CAUSES
from mapmedic.errors import ProcessUnreadable


def test_every_cause_of_the_contract_is_told() -> None:
    named = re.search(r"``cause`` is one of ([\w, \n]+)\.", errors.ProcessUnreadable.__doc__ or "")
    assert named is not None
    assert set(re.split(r"[,\s]+", named.group(1))) == {*CAUSES, "other"}


@pytest.mark.parametrize("cause", [*CAUSES, "other"])
def test_each_has_one_next_step(cause: str) -> None:
    advice = advise(ProcessUnreadable(7, "why", cause))
    assert advice.causes and advice.next and "\n" not in advice.next
    assert "7" in advice.where
