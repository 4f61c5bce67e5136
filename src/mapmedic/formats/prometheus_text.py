"""Prometheus' text format, by prometheus_client's own parser."""

from __future__ import annotations

import re
from collections import defaultdict

from mapmedic import _native
from mapmedic.errors import FormatError
from mapmedic.formats._native_errors import blaming
from mapmedic.model.metrics import Metrics, Sample

_WHAT = "metrics page"
_MAX_BYTES = 16 << 20
_MAX_LINE_BYTES = 64 << 10
_MAX_LINES = 20_000
"""client_golang with every runtime/metrics histogram prints some 1,500; the parser takes 1 s for these."""
_OURS = re.compile(r"^(?:# (?:TYPE|HELP) )?(?:go_|process_)", re.ASCII)
_ANY = re.compile(r"^(?:#|[a-zA-Z_:{])")


def parse_metrics(data: bytes, *, max_bytes: int = _MAX_BYTES) -> Metrics:
    """Read the ``go_`` and ``process_`` metrics of a page (gzipped or not). Raises FormatError.

    Others are passed over unread: a service's own metrics can be a hundred times as many. What does
    not look like a metrics page at all (an HTML error page) is a FormatError. A line cut at the very
    end is dropped: half a number would be a wrong one.
    """
    with blaming(_WHAT):
        plain = _native.gunzip(data, max_bytes)
    whole, _, _ = plain.rpartition(b"\n")
    return _metrics(_ours(whole.decode("utf-8", "replace")))


def _ours(page: str) -> str:
    lines = []
    offset = 0
    for line in page.split("\n"):
        if line.strip() and not _ANY.match(line.lstrip()):
            raise FormatError(_WHAT, "a line that is no metric", offset)
        if _OURS.match(line):
            if len(line) > _MAX_LINE_BYTES:
                raise FormatError(_WHAT, f"a line of more than {_MAX_LINE_BYTES} bytes", offset)
            lines.append(line)
            if len(lines) > _MAX_LINES:
                raise FormatError(_WHAT, f"more than {_MAX_LINES} lines of go_ and process_ metrics", offset)
        offset += len(line) + 1
    return "\n".join(lines) + "\n"


def _metrics(page: str) -> Metrics:
    # Imported late: it costs more than the rest of `mapmedic --help`.
    from prometheus_client.parser import text_string_to_metric_families  # noqa: PLC0415

    samples: dict[str, list[Sample]] = defaultdict(list)
    try:
        for family in text_string_to_metric_families(page):
            for sample in family.samples:
                samples[sample.name].append(Sample(tuple(sorted(sample.labels.items())), float(sample.value)))
    except (ValueError, IndexError, KeyError, OverflowError) as broken:
        raise FormatError(_WHAT, f"does not parse ({str(broken)[:200]})") from None
    return Metrics({name: tuple(found) for name, found in samples.items()})
