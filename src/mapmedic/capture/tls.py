"""TLS towards a target: whom we believe, and in plain words why a session did not come about.

Nothing here turns checking off: what a heap profile or an agent's token is worth is worth a certificate.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from mapmedic.errors import TlsFailed, UsageError
from mapmedic.model.connection import Connection

# X509_V_ERR_* of OpenSSL, include/openssl/x509_vfy.h -> cause and words.
_CERTIFICATE = {
    9: ("not_yet_valid", "its certificate is not valid yet"),
    10: ("expired", "its certificate has expired"),
    18: ("self_signed", "its certificate is self-signed"),
    19: ("unknown_authority", "its certificate is signed by an authority that this machine does not know"),
    20: ("unknown_authority", "its certificate is signed by an authority that this machine does not know"),
    21: ("unknown_authority", "its certificate is signed by an authority that this machine does not know"),
    62: ("wrong_name", "its certificate is for another name"),
    64: ("wrong_name", "its certificate is for another address"),
}
# What OpenSSL calls the alerts of a server that wants to know who we are (RFC 8446, section 6.2).
_WANTS_OURS = (
    "CERTIFICATE_REQUIRED",
    "BAD_CERTIFICATE",
    "UNKNOWN_CA",
    "HANDSHAKE_FAILURE",
    "CERTIFICATE_UNKNOWN",
)
_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")


def tls_context(connection: Connection) -> ssl.SSLContext | None:
    """Return the context that ``connection`` asks for, None where the default is right.

    UsageError where a file cannot be read or holds no certificate or key.
    """
    if connection.ca_file is None and connection.certificate is None:
        return None
    context = _trusting(connection.ca_file)
    if connection.certificate is not None:
        _show(context, connection.certificate, connection.key)
    return context


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:
        raise UsageError(f"{ca_file} holds no certificate (PEM)") from error
    except OSError as error:
        raise UsageError(f"cannot read {ca_file}: {error.strerror}") from error


def _show(context: ssl.SSLContext, certificate: Path, key: Path | None) -> None:
    files = f"{certificate}" + (f" and {key}" if key else "")
    try:
        # Without a password of ours OpenSSL would ask the terminal for one.
        context.load_cert_chain(certificate, key, password=_no_password)
    except _Encrypted as error:
        raise UsageError(
            f"the private key in {key or certificate} is encrypted; give one that is not"
        ) from error
    except ssl.SSLError as error:
        raise UsageError(f"{files}: no certificate and private key that belong together (PEM)") from error
    except OSError as error:
        raise UsageError(f"cannot read {files}: {error.strerror}") from error


class _Encrypted(Exception):
    """Say that a key needs a password."""


def _no_password() -> str:
    raise _Encrypted


def tls_failure(url: str, error: ssl.SSLError) -> TlsFailed:
    """Return what ``error`` means for whoever asked for ``url``."""
    if isinstance(error, ssl.SSLCertVerificationError):
        cause, why = _CERTIFICATE.get(error.verify_code, ("other", "its certificate is not believed"))
        # OpenSSL's own words name the host that was asked for, or the rule that was broken.
        return TlsFailed(url, f"{why} ({error.verify_message.rstrip('.')})", cause)
    reason = error.reason or str(error)
    if any(word in reason for word in _NOT_TLS):
        return TlsFailed(url, f"no TLS session ({reason}); is it plain http://?", "not_tls")
    if any(word in reason for word in _WANTS_OURS):
        return TlsFailed(url, f"it refused our side of the TLS session ({reason})", "wants_certificate")
    return TlsFailed(url, f"no TLS session ({reason})", "other")
