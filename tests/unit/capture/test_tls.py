"""Real TLS sessions with certificates made for the test: believed when they should be, else refused in plain words."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mapmedic.capture.http import Answer, HttpClient
from mapmedic.capture.limits import Limits
from mapmedic.capture.tls import tls_context
from mapmedic.cli.advice import advise
from mapmedic.errors import TargetUnreachable, TlsFailed, UsageError
from mapmedic.model.connection import Connection
from tests.support.certificates import Authority, Certificate, new_authority, self_signed
from tests.support.scripted_server import ScriptedServer, answers

OK = {"/": answers(b"body")}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return new_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def server_certificate(authority: Authority) -> Certificate:
    return authority.issue("server")


def get(url: str, connection: Connection) -> Answer:
    async def run() -> Answer:
        async with HttpClient(connection=connection) as client:
            return await client.get(url + "/", Limits(5, 1 << 20))

    return asyncio.run(run())


def failure(certificate: Certificate, connection: Connection) -> TlsFailed:
    with ScriptedServer(OK, tls=certificate.server()) as server, pytest.raises(TlsFailed) as caught:
        get(server.url, connection)
    assert server.requests == []
    return caught.value


def test_an_authority_of_our_own_is_believed(authority: Authority, server_certificate: Certificate) -> None:
    with ScriptedServer(OK, tls=server_certificate.server()) as server:
        assert get(server.url, Connection(ca_file=authority.file)).body == b"body"


@pytest.mark.parametrize(
    ("alternative", "days", "cause", "words"),
    [
        ("DNS:another.example", 30, "wrong_name", "127.0.0.1"),
        ("IP:127.0.0.1", -1, "expired", "has expired"),
    ],
)
def test_a_certificate_that_does_not_fit(
    alternative: str, days: int, cause: str, words: str, authority: Authority
) -> None:
    error = failure(authority.issue(cause, alternative, days), Connection(ca_file=authority.file))
    assert error.cause == cause and words in error.why


def test_an_authority_that_nobody_here_knows(server_certificate: Certificate) -> None:
    error = failure(server_certificate, Connection())
    assert error.cause == "unknown_authority"
    assert "--ca-file" in advise(error).next


def test_a_self_signed_certificate_is_refused_unless_it_is_named(
    tmp_path: Path, authority: Authority
) -> None:
    certificate = self_signed(tmp_path)
    for connection in (Connection(), Connection(ca_file=authority.file)):
        error = failure(certificate, connection)
        assert error.cause == "self_signed" and "--ca-file" in advise(error).next
    with ScriptedServer(OK, tls=certificate.server()) as server:
        assert get(server.url, Connection(ca_file=certificate.certificate)).status == 200


def test_a_server_that_wants_to_know_who_we_are(
    authority: Authority, server_certificate: Certificate
) -> None:
    ours = authority.issue("us", "DNS:us")
    with ScriptedServer(OK, tls=server_certificate.server(clients_of=authority.file)) as server:
        shown = Connection(ca_file=authority.file, certificate=ours.certificate, key=ours.key)
        assert get(server.url, shown).body == b"body"
        with pytest.raises(TargetUnreachable) as caught:
            get(server.url, Connection(ca_file=authority.file))
    # Which of the two depends on whether its alert or its hanging up is noticed first.
    assert isinstance(caught.value, TlsFailed) and caught.value.cause in ("wants_certificate", "hung_up")
    assert "--cert" in advise(caught.value).next


def test_files_that_hold_something_else(
    tmp_path: Path, authority: Authority, server_certificate: Certificate
) -> None:
    other = authority.issue("other")
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing")
    for connection, why in (
        (Connection(ca_file=nothing), "holds no certificate"),
        (Connection(ca_file=tmp_path / "gone"), "No such file"),
        (Connection(certificate=nothing), "belong together"),
        (Connection(certificate=other.certificate, key=server_certificate.key), "belong together"),
        (Connection(certificate=tmp_path / "gone"), "No such file"),
    ):
        with pytest.raises(UsageError, match=why):
            tls_context(connection)


def test_an_encrypted_key_asks_nobody_for_a_password(tmp_path: Path, authority: Authority) -> None:
    from subprocess import run  # noqa: PLC0415 - only here

    made, locked = authority.issue("locked"), tmp_path / "locked.key"
    run(
        ["openssl", "ec", "-in", made.key, "-aes256", "-passout", "pass:secret", "-out", locked],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip
    with pytest.raises(UsageError, match="is encrypted"):
        tls_context(Connection(certificate=made.certificate, key=locked))


def test_the_default_is_what_the_machine_trusts() -> None:
    assert tls_context(Connection()) is None
