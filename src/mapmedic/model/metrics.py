"""A page of Prometheus metrics, as far as it tells about a Go process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """Hold one line of the page: its labels, sorted by name, and its value."""

    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Metrics:
    """Hold name -> samples, under the names client_golang gives (collectors/go_collector.go)."""

    samples: Mapping[str, tuple[Sample, ...]]

    def value(self, name: str, **labels: str) -> float | None:
        """Return the first value of ``name`` that carries all ``labels``; None if there is none."""
        wanted = labels.items()
        for sample in self.samples.get(name, ()):
            if wanted <= dict(sample.labels).items():
                return sample.value
        return None

    @property
    def go_version(self) -> str | None:
        """Return the version that go_info carries (``go1.27.3``)."""
        infos = self.samples.get("go_info", ())
        return next((dict(info.labels)["version"] for info in infos if "version" in dict(info.labels)), None)

    def gc_pause_quantiles_seconds(self) -> dict[float, float]:
        """Return quantile -> GC pause in seconds; client_golang gives 0, 0.25, 0.5, 0.75 and 1 only."""
        quantiles = {}
        for sample in self.samples.get("go_gc_duration_seconds", ()):
            quantile = _number(dict(sample.labels).get("quantile", ""))
            if quantile is not None:
                quantiles[quantile] = sample.value
        return quantiles


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
