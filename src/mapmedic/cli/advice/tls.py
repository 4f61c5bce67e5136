"""Why a TLS session may have failed, and what to try next, by the cause that TlsFailed names."""

from __future__ import annotations

NEXT = {
    "self_signed": "if that is the service's own certificate: --ca-file CERTIFICATE.pem",
    "unknown_authority": "--ca-file AUTHORITY.pem   (the authority that signed it)",
    "wrong_name": "use the name that the certificate is for, or one certificate that names this address too",
    "expired": "give the service a new certificate, and look at this machine's clock",
    "not_yet_valid": "look at the clocks of both machines",
    "wants_certificate": "--cert OURS.pem --key OURS.key",
    "hung_up": "--cert OURS.pem --key OURS.key   (or ask again in a moment)",
    "not_tls": "the same address with http:// in place of https://",
}
CAUSES = {
    "self_signed": ("a service's own certificate for inside use", "somebody in between who reads along"),
    "unknown_authority": ("a company's or cluster's own authority", "somebody in between who reads along"),
    "wrong_name": (
        "it was reached by another name or address than it is known by",
        "another service answers",
    ),
    "expired": ("nobody renewed it", "this machine's clock is wrong"),
    "not_yet_valid": ("this machine's clock, or the signer's, is wrong",),
    "wants_certificate": (
        "the service wants to see a certificate of its callers",
        "ours is not one it believes",
    ),
    "hung_up": ("the service wants to see a certificate of its callers", "it is restarting"),
    "not_tls": ("the service speaks plain HTTP on this port",),
}
