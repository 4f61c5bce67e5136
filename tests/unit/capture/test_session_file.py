"""The session file: what goes in comes out; what was cut or changed is noticed."""

from __future__ import annotations

import tarfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapmedic.capture.session_file import SessionWriter, read_session
from mapmedic.errors import SessionDamaged
from mapmedic.model.findings import Blank
from mapmedic.model.session import Artifact, Session
from mapmedic.model.units import UnixNanoseconds
from tests.unit.capture.sessions import read_bytes, write

ARTIFACTS = st.builds(
    Artifact,
    kind=st.from_regex(r"[a-z][a-z0-9_]{0,30}", fullmatch=True).filter(lambda kind: kind != "blank"),
    visit=st.integers(0, 9999),
    taken_at=st.integers(0, 2**63).map(UnixNanoseconds),
    source=st.text(st.characters(exclude_categories=["Cs"]), max_size=300),
    data=st.binary(max_size=2000),
)
BLANKS = st.builds(Blank, what=st.text(max_size=50), why=st.text(max_size=50))


@settings(max_examples=60, deadline=None)
@given(
    artifacts=st.lists(ARTIFACTS, max_size=8),
    blanks=st.lists(BLANKS, max_size=5),
    target=st.text(max_size=300),
)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, artifacts: list[Artifact], blanks: list[Blank], target: str
) -> None:
    path = tmp_path_factory.mktemp("round") / "s.mapmedic"
    with SessionWriter(path, target, "0.1.0") as writer:
        for artifact in artifacts:
            writer.add(artifact)
        for blank in blanks:
            writer.add_blank(blank)
        writer.finish()
    shown = target.encode("utf-8", "backslashreplace").decode()
    assert read_session(path) == Session(shown, "0.1.0", tuple(artifacts), tuple(blanks), complete=True)
    with tarfile.open(path) as tar:
        assert tar.getnames()[-1] == "manifest.json", "any tar opens it"


def test_truncated_at_any_byte_it_is_readable_or_clearly_damaged(tmp_path: Path) -> None:
    data = write(tmp_path / "s.mapmedic", blanks=(Blank("agent_maps", "none"),))
    path, whole, seen = tmp_path / "cut", read_session(tmp_path / "s.mapmedic"), set()
    manifest_end = data.rindex(b"}") + 1
    manifest_end += -manifest_end % 512
    for length in (*range(0, manifest_end - 520, 3), *range(manifest_end - 520, manifest_end + 2)):
        try:
            session = read_bytes(path, data[:length])
        except SessionDamaged as error:
            seen.add("damaged")
            assert "cut short before anything" in error.why
            assert length < 1536
            continue
        assert session.artifacts == whole.artifacts[: len(session.artifacts)]
        assert session.complete == (length >= manifest_end)
        seen.add(len(session.artifacts))
    assert seen == {"damaged", 0, 1, 2}


def test_every_bit_counts(tmp_path: Path) -> None:
    """Flip a bit in each byte that is not padding: the session is damaged or cut, or says what it said."""
    data = write(tmp_path / "s.mapmedic", blanks=(Blank("agent_maps", "none"),))
    whole, path = read_session(tmp_path / "s.mapmedic"), tmp_path / "flipped"
    noticed = unchanged = 0
    end = data.rindex(b"}") + 1
    for at in (at for at in range(end) if data[at] or at % 7 == 0):  # of the zeros a seventh
        flipped = bytearray(data)
        flipped[at] ^= 1 << (at % 8)
        try:
            session = read_bytes(path, bytes(flipped))
        except SessionDamaged:
            noticed += 1
            continue
        assert session == whole, f"byte {at} changed what the session says"
        unchanged += 1
        assert data[at] == 0 or data[at : at + 1].isspace() or at % 512 > 100, at
    assert noticed > 2000 and unchanged < noticed


@settings(max_examples=300, deadline=None)
@given(
    flips=st.lists(st.tuples(st.integers(0, 9000), st.integers(1, 255)), min_size=1, max_size=6),
    cut=st.integers(0, 10240),
)
def test_no_damage_ends_in_another_error(
    tmp_path_factory: pytest.TempPathFactory, flips: list[tuple[int, int]], cut: int
) -> None:
    folder = tmp_path_factory.getbasetemp()
    data = bytearray(write(folder / "fuzzed.mapmedic"))
    for at, mask in flips:
        data[at % len(data)] ^= mask
    with suppress(SessionDamaged):
        read_bytes(folder / "fuzzed", bytes(data[:cut]))
