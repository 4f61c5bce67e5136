"""A process cannot be stopped, copied or made sense of; a tool is missing."""

from __future__ import annotations

from mapmedic import errors
from mapmedic.cli.advice.form import Advice, advise

# Cause -> what is likely.
CAUSES = {
    "gone": ("it has ended, or the number is another machine's or container's",),
    "ended": ("it crashed, or was restarted or scaled down meanwhile",),
    "elsewhere": ("the number is the one that the process has inside its container",),
    "kernel": ("the number is misread from a list of all processes",),
    "ourselves": ("the number is misread",),
    "traced": ("a debugger (dlv, gdb), strace or another mapmedic is at work on it",),
    "not_permitted": ("a container or an ordinary user has no right to trace unless it is given",),
    "other_machine": ("it was built for another machine than linux/amd64, or runs in an emulator",),
    "not_go": ("the process is a wrapper (a shell, an init) and the service is a child of it",),
    "confined": ("the container runtime or the service itself has set a seccomp filter",),
    "too_slow": ("its heap is large for this way of reading", "the machine is busy"),
    "no_memory": ("the memory limit of the container is close", "the process is short of memory already"),
    "no_process": ("a limit on processes (a container's, a user's) is reached",),
    "no_room": ("the program's file was packed or changed after it was linked",),
}
_OTHER_CAUSES = (
    "the process changed while it was looked at",
    "the kernel or a security module forbids something",
)


@advise.register
def _(error: errors.ProcessUnreadable) -> Advice:
    return Advice(
        error.why,
        f"process {error.pid}, which is as it was",
        CAUSES.get(error.cause, _OTHER_CAUSES),
        _next_step(error),
    )


def _next_step(error: errors.ProcessUnreadable) -> str:
    pid = error.pid
    steps = {
        "gone": "pgrep -a NAME   (the processes here, by name)",
        "ended": "pgrep -a NAME   (then the same command with its new number)",
        "elsewhere": "the same command with the number that it has here; in a container with a /proc of its own",
        "kernel": "pgrep -a NAME",
        "ourselves": "pgrep -a NAME",
        "traced": "end that tool, then the same command again",
        "not_permitted": f"sudo mapmedic heap {pid}   (in Kubernetes: kubectl debug -it POD --image=IMAGE "
        f"--profile=sysadmin --target=CONTAINER -- mapmedic heap {pid})",
        "other_machine": "mapmedic diagnose http://HOST:PORT   (over HTTP any machine will do)",
        "too_slow": f"mapmedic heap {pid}   (without --snapshot: the way that keeps the pause is chosen)",
        "not_go": f"pgrep -a -P {pid}   (its children)",
    }
    return steps.get(error.cause, f"mapmedic heap {pid} --snapshot live")


@advise.register
def _(error: errors.HeapUnreadable) -> Advice:
    return Advice(
        str(error),
        "the memory that was read; the process is as it was",
        (
            "the program was packed, obfuscated or built by a toolchain of its own",
            "it was read while it ran, or is being started or ended",
        ),
        "the same command again; over HTTP: mapmedic diagnose http://HOST:PORT",
    )


@advise.register
def _(error: errors.NoImage) -> Advice:
    return Advice(
        error.why,
        error.target,
        ("the session was captured without --image", "it is no session, but what a command printed"),
        "mapmedic capture pid:N --image -o FILE   (while the process runs)",
    )


@advise.register
def _(error: errors.TargetUnsupported) -> Advice:
    return Advice(
        error.why,
        error.target,
        (
            "the command takes another kind of target",
            "the program was built by a Go that this mapmedic has not been taught",
        ),
        "mapmedic COMMAND --help   (what it takes as TARGET)",
    )


@advise.register
def _(error: errors.ToolMissing) -> Advice:
    return Advice(
        f"{error.tool} was not found", f"needed to {error.purpose}", ("it is not installed, or not on PATH",),
        "mapmedic doctor",
    )  # fmt: skip
