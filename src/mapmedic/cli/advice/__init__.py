"""From an error to what a person needs. Each file registers its kinds of error with ``advise``."""

from __future__ import annotations

from mapmedic.cli.advice import files, fix, network, process, words
from mapmedic.cli.advice.form import Advice, advise

__all__ = ["Advice", "advise", "files", "fix", "network", "process", "words"]
