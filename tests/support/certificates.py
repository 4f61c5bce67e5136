"""An authority of the test's own and certificates signed by it, made by the machine's openssl."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class Certificate:
    """A certificate and its private key, PEM."""

    certificate: Path
    key: Path

    def server(self, *, clients_of: Path | None = None) -> ssl.SSLContext:
        """Return a server's context; with ``clients_of`` it wants a certificate of that authority."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=clients_of)
        context.load_cert_chain(self.certificate, self.key)
        if clients_of is not None:
            context.verify_mode = ssl.CERT_REQUIRED
        return context


@dataclass(frozen=True)
class Authority:
    """Signs certificates in a folder."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "ca.pem"

    def issue(self, name: str, alternative: str = "IP:127.0.0.1", days: int = 30) -> Certificate:
        """Sign a certificate for ``alternative``; with negative ``days`` it has expired already."""
        made = Certificate(self.folder / f"{name}.pem", self.folder / f"{name}.key")
        request, extension = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extension.write_text(f"subjectAltName={alternative}\n")
        _openssl("req", *_KEY, "-keyout", made.key, "-out", request, "-subj", f"/CN={name}")
        _openssl(
            "x509", "-req", "-in", request, "-CA", self.file, "-CAkey", self.folder / "ca.key",
            "-CAcreateserial", "-extfile", extension, "-days", days, "-out", made.certificate,
        )  # fmt: skip
        return made


def new_authority(folder: Path) -> Authority:
    """Make an authority in ``folder``; where there is no openssl the test is skipped."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine to make certificates with")
    _openssl(
        "req", "-x509", *_KEY, "-keyout", folder / "ca.key", "-out", folder / "ca.pem",
        "-subj", "/CN=mapmedic test authority", "-days", 30,
    )  # fmt: skip
    return Authority(folder)


def self_signed(folder: Path) -> Certificate:
    """Make a certificate that nobody but itself signed."""
    made = Certificate(folder / "self.pem", folder / "self.key")
    _openssl(
        "req", "-x509", *_KEY, "-keyout", made.key, "-out", made.certificate,
        "-subj", "/CN=self", "-addext", "subjectAltName=IP:127.0.0.1", "-days", 30,
    )  # fmt: skip
    return made


def _openssl(*words: object) -> None:
    subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=30)
