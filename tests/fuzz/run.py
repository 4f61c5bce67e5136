"""Fuzz every parser: ``python -m tests.fuzz.run [--seconds 60] [--seed N] [--only NAME]``.

Mutates the goldens; fails on an exception that is no FormatError, on a hang (10 s of CPU, or two minutes), and on
over 1 GiB of memory. Prints executions per parser, and for a failure the seed that finds it again at once.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import signal
import sys
import time
import traceback
from multiprocessing.sharedctypes import Synchronized
from random import Random

from mapmedic.errors import FormatError
from tests.fuzz.mutate import mutate
from tests.fuzz.targets import TARGETS, Target

HANG_CPU_SECONDS = 10
HANG_SECONDS = 120
MAX_RSS_KIB = 1 << 20
MAX_ADDRESS_SPACE = 3 << 30


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=60, help="for each parser")
    options.add_argument("--seed", type=int, default=None, help="the first seed; default: by the clock")
    options.add_argument("--only", choices=sorted(TARGETS))
    chosen = options.parse_args()
    seed = time.time_ns() if chosen.seed is None else chosen.seed
    names = [chosen.only] if chosen.only else list(TARGETS)
    passed = [fuzz(name, seed, chosen.seconds) for name in names]  # every one, whatever the first ones say
    return 0 if all(passed) else 1


def fuzz(name: str, seed: int, seconds: float) -> bool:
    """Fuzz one parser in a process of its own, so that a crash or a hang is seen from outside."""
    context = multiprocessing.get_context("spawn")
    count = context.Value("q", 0)
    process = context.Process(target=work, args=(name, seed, seconds, count))
    process.start()
    process.join()
    done = count.value
    print(f"{name:12} {done:>9,} executions from seed {seed}", flush=True)
    if process.exitcode:
        why = "hang" if process.exitcode in (-signal.SIGPROF, -signal.SIGALRM) else f"exit {process.exitcode}"
        print(f"{name:12} FAILED ({why}): --only {name} --seconds 0 --seed {seed + done}", flush=True)
    return process.exitcode == 0


def work(name: str, seed: int, seconds: float, count: Synchronized[int]) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MAX_ADDRESS_SPACE, MAX_ADDRESS_SPACE))
    target = TARGETS[name]
    corpus = target.corpus()
    end = time.monotonic() + seconds
    while True:
        once(target, mutate(Random(seed + count.value), corpus))  # noqa: S311 - reproducible on purpose
        count.value += 1
        if time.monotonic() >= end:
            return


def once(target: Target, data: bytes) -> None:
    # Nobody handles these: a hang inside native code dies of them too. CPU first: others use the machine as well.
    signal.setitimer(signal.ITIMER_PROF, HANG_CPU_SECONDS)
    signal.alarm(HANG_SECONDS)
    try:
        target.run(data)
    except FormatError:
        pass
    except BaseException:
        traceback.print_exc()
        sys.exit(1)
    finally:
        signal.alarm(0)
        signal.setitimer(signal.ITIMER_PROF, 0)
    if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > MAX_RSS_KIB:
        sys.exit("over 1 GiB of memory")


if __name__ == "__main__":
    sys.exit(main())
