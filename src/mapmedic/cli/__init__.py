"""One file a command: parse the words, call the api, print, exit with the contract's code."""

from __future__ import annotations

import sys
from types import TracebackType


def _without_traceback(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Show what nobody caught; Ctrl-C while modules are still being imported is no bug to show the insides of."""
    if issubclass(kind, KeyboardInterrupt):
        sys.stderr.write("interrupted\n")
    else:
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _without_traceback
