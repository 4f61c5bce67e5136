"""Why a request failed, in the system's words and ours rather than in the HTTP library's."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from mapmedic.capture.tls import tls_failure
from mapmedic.errors import HostUnknown, TargetUnreachable, TlsFailed, UnexpectedAnswer

# The library's words may quote what the target sent.
_REASON_LETTERS = 200


@contextmanager
def in_our_words(url: str) -> Iterator[None]:
    """Turn what the library raises into TargetUnreachable, TlsFailed or UnexpectedAnswer about ``url``."""
    import aiohttp  # noqa: PLC0415 - files need no HTTP, and it is slow to import

    try:
        yield
    except aiohttp.ClientPayloadError as error:
        raise TargetUnreachable(url, "the answer broke off in the middle") from error
    except aiohttp.ClientResponseError as error:
        why = f"with something that is not HTTP: {_first_line(error.message)}"
        raise UnexpectedAnswer(url, why) from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise _unreachable(url, error) from error


def _unreachable(url: str, error: Exception) -> TargetUnreachable:
    tls = _tls_error(error)
    if tls is not None:
        return tls_failure(url, tls)
    if _hung_up_on_tls(url, error):
        return TlsFailed(url, "it hung up as soon as the TLS session was there", "hung_up")
    unknown = isinstance(getattr(error, "os_error", error), socket.gaierror)
    return (HostUnknown if unknown else TargetUnreachable)(url, _reason(error))


def _hung_up_on_tls(url: str, error: Exception) -> bool:
    import aiohttp  # noqa: PLC0415 - files need no HTTP, and it is slow to import

    # Since TLS 1.3 a server judges our certificate when we think that the session is there already.
    connected = not isinstance(error, aiohttp.ClientConnectorError)
    number = getattr(error, "errno", None)
    return url.startswith("https:") and connected and number in (errno.EPIPE, errno.ECONNRESET)


def may_pass(error: TargetUnreachable) -> bool:
    """Tell whether asking again may help: a failed connection, but no refused certificate, no malformed question."""
    import aiohttp  # noqa: PLC0415 - files need no HTTP, and it is slow to import

    if isinstance(error, TlsFailed):
        return error.cause == "hung_up"
    return isinstance(error.__cause__, aiohttp.ClientError | OSError)


def _tls_error(error: BaseException) -> ssl.SSLError | None:
    # The library wraps it in three ways; one of its wrappers is an SSLError too, an empty one.
    inner = (getattr(error, "certificate_error", None), getattr(error, "os_error", None), error.__cause__)
    for cause in (*inner, error):
        if isinstance(cause, ssl.SSLError):
            return cause
    return None


def _reason(error: Exception) -> str:
    """Return the system's own words ("Connection refused") without the library's around them."""
    cause = getattr(error, "os_error", error)
    number = cause.errno if isinstance(cause, OSError) else None
    if number is not None and number in errno.errorcode:
        return os.strerror(number)  # asyncio's own words ("Connect call failed …") repeat the address
    return getattr(cause, "strerror", None) or _first_line(str(error)) or type(error).__name__


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0][:_REASON_LETTERS]
