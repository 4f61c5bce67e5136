"""Where each version of Go keeps what of a goroutine's stack, as data.

Upstream: src/runtime/runtime2.go (g, gobuf, m, _defer), all for linux/amd64. ``tests/live/test_stacks.py`` holds
it against what the runtime itself says of its stacks, on every toolchain.
"""

from __future__ import annotations

from mapmedic.goheap.build import GoBuild

_COMMON = {"g_m": 48, "g_sched_sp": 56, "g_sched_pc": 64, "g_panic": 32, "g_defer": 40, "defer_fn": 24}
# gobuf.ret went with Go 1.25; g.syscallbp came with 1.23.
_UP_TO_22 = {"g_syscall_sp": 112, "g_syscall_pc": 120, "g_status": 144, "g_id": 152}
_UP_TO_24 = {"g_syscall_sp": 112, "g_syscall_pc": 120, "g_status": 152, "g_id": 160}
_FROM_25 = {"g_syscall_sp": 104, "g_syscall_pc": 112, "g_status": 144, "g_id": 152}
_LINK_40 = {"defer_link": 40}
_LINK_32 = {"defer_link": 32}
_MACHINE_UP_TO_24 = {"m_procid": 72, "m_gsignal": 80}
_MACHINE_FROM_25 = {"m_procid": 64, "m_gsignal": 72}

_BY_MINOR = {
    21: _LINK_40 | _UP_TO_22 | _MACHINE_UP_TO_24 | {"m_vdso_sp": 808, "m_vdso_pc": 816},
    22: _LINK_32 | _UP_TO_22 | _MACHINE_UP_TO_24 | {"m_vdso_sp": 1120, "m_vdso_pc": 1128},
    23: _LINK_32 | _UP_TO_24 | _MACHINE_UP_TO_24 | {"m_vdso_sp": 856, "m_vdso_pc": 864},
    24: _LINK_32 | _UP_TO_24 | _MACHINE_UP_TO_24 | {"m_vdso_sp": 904, "m_vdso_pc": 912},
    25: _LINK_32 | _FROM_25 | _MACHINE_FROM_25 | {"m_vdso_sp": 896, "m_vdso_pc": 904},
    26: _LINK_32 | _FROM_25 | _MACHINE_FROM_25 | {"m_vdso_sp": 896, "m_vdso_pc": 904},
    27: _LINK_32 | _FROM_25 | _MACHINE_FROM_25 | {"m_vdso_sp": 896, "m_vdso_pc": 904},
}


def stack_layout(build: GoBuild) -> dict[str, int]:
    """Return the offsets in a g and an m, in bytes, as the native core wants them; ``layout_of`` refused others."""
    return _COMMON | _BY_MINOR[build.minor]


# m.curg, and m.mallocing, behind which throwing, preemptoff and locks lie in the same order in all versions.
_BUSY = {
    21: (192, 240), 22: (192, 240), 23: (192, 240), 24: (192, 240), 25: (184, 232), 26: (184, 240), 27: (184, 240),
}  # fmt: skip


def call_places(build: GoBuild) -> tuple[int, int, int, int]:
    """Return the offsets of g.m and g.atomicstatus in a g, of m.curg and m.mallocing in an m, in bytes."""
    layout = stack_layout(build)
    return layout["g_m"], layout["g_status"], *_BUSY[build.minor]
