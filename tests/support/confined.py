"""Run a command under a seccomp filter that kills it for a fork: python -m tests.support.confined COMMAND...

Threads (CLONE_VM) are let through, so that a Go program runs; a clone without it ends the process.
"""

from __future__ import annotations

import ctypes
import os
import sys

_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _FILTER = 22, 38, 2
_SYS_CLONE, _CLONE_VM = 56, 0x100
_ALLOW, _KILL_PROCESS = 0x7FFF0000, 0x80000000
# include/uapi/linux/bpf_common.h; struct seccomp_data: nr at 0, the low half of the first argument at 16.
_LOAD, _JUMP_IF_EQUAL, _JUMP_IF_SET, _RETURN = 0x20, 0x15, 0x45, 0x06
_PROGRAM = (
    (_LOAD, 0, 0, 0),
    (_JUMP_IF_EQUAL, 0, 3, _SYS_CLONE),
    (_LOAD, 0, 0, 16),
    (_JUMP_IF_SET, 1, 0, _CLONE_VM),
    (_RETURN, 0, 0, _KILL_PROCESS),
    (_RETURN, 0, 0, _ALLOW),
)


class _Instruction(ctypes.Structure):
    _fields_ = (
        ("code", ctypes.c_uint16),
        ("yes", ctypes.c_uint8),
        ("no", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    )


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Instruction)))


def confine() -> None:
    """Put this process, and what it executes, under the filter."""
    filter_ = (_Instruction * len(_PROGRAM))(*(_Instruction(*each) for each in _PROGRAM))
    program = _Program(len(_PROGRAM), filter_)
    libc = ctypes.CDLL(None, use_errno=True)
    for words in (
        (_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (_PR_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0),
    ):
        if libc.prctl(*words):
            raise OSError(ctypes.get_errno(), "prctl")


if __name__ == "__main__":
    confine()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - that is what it is for
