"""Wake a program that sleeps: open a connection to a port that it listens on, and close it again, as a probe does.

The runtime's clock (src/runtime/proc.go, sysmon) sleeps for up to a minute while nothing at all happens in a program;
the first system call of a goroutine wakes it (entersyscall_sysmon), and taking a connection is one.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from mapmedic.memory.room import read_text

_LISTENING = "0A"
_MOST_PORTS = 4
_PATIENCE_SECONDS = 0.25


def knock(pid: int) -> str | None:
    """Return the address of process ``pid`` that took a connection, None where none did or none can be reached.

    Only from within its own network namespace.
    """
    for host, port in list(_listening(pid))[:_MOST_PORTS]:
        try:
            socket.create_connection((host, port), timeout=_PATIENCE_SECONDS).close()
        except OSError:
            continue
        return f"{host}:{port}"
    return None


def _listening(pid: int) -> Iterator[tuple[str, int]]:
    """Yield the addresses that ``pid`` listens on; nothing where they are those of another namespace."""
    try:
        same = Path(f"/proc/{pid}/ns/net").readlink() == Path("/proc/self/ns/net").readlink()
        own = {str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir()} if same else set()
    except OSError:
        return
    for table in ("tcp", "tcp6"):
        for line in read_text(Path(f"/proc/{pid}/net/{table}")).splitlines()[1:]:
            words = line.split()
            if words[3] == _LISTENING and f"socket:[{words[9]}]" in own:
                yield _address(words[1])


def _address(text: str) -> tuple[str, int]:
    """Return (host, port) of the kernel's "0100007F:1F90"; one that stands for every host is our own."""
    host, _, port = text.partition(":")
    words = struct.unpack(f">{len(host) // 8}I", bytes.fromhex(host))
    raw = struct.pack(f"{'<' if sys.byteorder == 'little' else '>'}{len(words)}I", *words)
    address = ipaddress.ip_address(raw)
    loopback = "127.0.0.1" if address.version == 4 else "::1"
    return (loopback if address.is_unspecified else str(address)), int(port, 16)
