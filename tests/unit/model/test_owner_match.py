"""Which map a name means."""

from __future__ import annotations

import pytest

from mapmedic.errors import AmbiguousOwner, UnknownOwner
from mapmedic.model.inventory import MapInstance, OwnerKind
from mapmedic.model.owner_match import find_map


def instance(address: int, path: str | None, declared: str | None, label: str | None = None) -> MapInstance:
    owner = path or declared or label or "?"
    return MapInstance(
        address, owner, path, declared, label, OwnerKind.HEAP, None, "swiss", 3, 8, 208, 0, None
    )


MAPS = (
    instance(0x1000, "main.mgr.sessions", "main.Manager.sessions"),
    instance(0x2000, "main.reg.shards[0].m", "main.Shard.m"),
    instance(0x3000, "main.reg.shards[1].m", "main.Shard.m"),
    instance(0x4000, "main.old.sessions", "main.Manager.sessions"),
    instance(0x5000, "main.mgr", "main.mgr", "orders"),
    instance(0x7000, None, None, "global 0x9a3d00 (main.sessionDesk)"),
    instance(0x8000, None, None, "global 0x9a3d0 (main.sessionDesk)"),
)


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("main.mgr.sessions", 0x1000), ("mgr.sessions", 0x1000), ("shards[1].m", 0x3000), ("0x4000", 0x4000),
        ("0X2000", 0x2000), ("mgr", 0x5000), ("orders", 0x5000),
        ("global 0x9a3d00", 0x7000), ("0x9a3d00", 0x7000), ("0x9A3D0", 0x8000), ("0x7000", 0x7000),
    ],
)  # fmt: skip
def test_a_name_its_end_or_an_address(name: str, address: int) -> None:
    assert find_map(MAPS, name).address == address


def test_the_outer_map_is_meant_and_not_those_declared_by_its_name() -> None:
    within = instance(0x6000, 'main.outer["a"]', 'main.outer["a"]', "main.outer")
    outer = instance(0x7000, "main.outer", "main.outer", "main.outer")
    assert find_map((within, outer), "main.outer") is outer


@pytest.mark.parametrize(("name", "count"), [("sessions", 2), ("main.Shard.m", 2), ("m", 2)])
def test_several_are_listed_with_their_addresses(name: str, count: int) -> None:
    with pytest.raises(AmbiguousOwner) as error:
        find_map(MAPS, name)
    assert len(error.value.candidates) == count
    assert all("0x" in each for each in error.value.candidates)
    assert error.value.exit_code == 2


def test_none_says_what_is_like_it() -> None:
    with pytest.raises(UnknownOwner) as error:
        find_map(MAPS, "main.mgr.sesions")
    assert error.value.nearest[0] == "main.mgr.sessions"
    for name in ("essions", "0x9", ""):
        with pytest.raises(UnknownOwner):
            find_map(MAPS, name)
