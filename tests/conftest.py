"""What holds for every test."""

from __future__ import annotations

import signal

# A test run that a shell started in the background ignores Ctrl-C, and so would every command that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
