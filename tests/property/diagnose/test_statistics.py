"""What the figures claim against what really sampled services do. Seeds are fixed, n is printed (pytest -s)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from mapmedic.diagnose.history import build_history
from mapmedic.diagnose.verdict import diagnose
from mapmedic.model.findings import Verdict
from mapmedic.model.units import KIB, MIB
from tests.property.diagnose.sampler import Place, watch
from tests.unit.diagnose.builder import APPEND, CLASSIC, HASHTRIE, HTTP, RATE, SWISS

LOGIN = f"main.login < {HTTP}"
BUCKETS = Place(f"{SWISS} < main.put:9 < {LOGIN}", 48 * KIB, at_start=400)


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("leak of small objects", [Place("main.a", 64, 40_000)]),
        ("leak of objects near the rate", [Place("main.a", 400 * KIB, 4)]),
        ("leak of arrays above the rate", [Place("main.a", 1 * MIB, 3)]),
        ("bounded cache, entries outlive the window", [Place("main.a", 2000, 3_000, lifetime=60)]),
        ("bounded cache, entries die in the window", [Place("main.a", 2000, 3_000, lifetime=5)]),
        ("garbage, hardly anything alive", [Place("main.a", 4000, 50_000, lifetime=0.5)]),
        ("leak beside garbage", [Place("main.a", 500, 5000), Place("main.b", 900, 50_000, lifetime=1)]),
        ("many places", [Place(f"main.a{i}", 100 * (i + 1), 500) for i in range(20)]),
    ],
)
def test_the_claimed_deviation_is_the_real_one(name: str, places: Sequence[Place]) -> None:
    random = np.random.default_rng(20261123)
    runs = 400
    growths, claimed = [], []
    for _ in range(runs):
        history = build_history(watch(places, random).captures)
        assert history is not None
        growth = history.growth()
        growths.append(growth.bytes)
        claimed.append(growth.uncertainty_bytes)
    real, told = float(np.std(growths)), float(np.sqrt(np.mean(np.square(claimed))))
    print(f"{name}: n={runs}, real {real / MIB:.2f} MiB, claimed {told / MIB:.2f} MiB, {told / real:.3f}")
    assert 0.85 < told / real < 1.15
    expected = sum(p.size * p.per_second * 30 for p in places if p.lifetime > 10**6)
    assert abs(float(np.mean(growths)) - expected) < 5 * real / runs**0.5 + 0.01 * expected


def test_what_was_there_before_and_stays_adds_no_doubt() -> None:
    random = np.random.default_rng(1)
    leak = [Place("main.a", 1000, 2000), Place("main.a", 1000, 0, at_start=10**6)]
    history = build_history(watch(leak[:1], random).captures)
    beside = build_history(watch(leak, np.random.default_rng(1)).captures)
    assert history is not None and beside is not None
    assert beside.growth().uncertainty_bytes == pytest.approx(history.growth().uncertainty_bytes, rel=0.02)


def _lru(random: np.random.Generator) -> list[Place]:
    """A bounded cache: any size, rate, lifetime, and number of places that make its values."""
    number = int(random.integers(1, 30))
    lifetime = float(random.uniform(1, 120))
    total = float(random.uniform(1, 60)) * MIB
    places = [BUCKETS]
    for i in range(number):
        size = int(2 ** random.uniform(6, 17))
        rate = total / number / size
        places.append(Place(f"main.new{i} < main.load < {LOGIN}", size, rate, lifetime))
    return places


def _sixty_places(random: np.random.Generator) -> list[Place]:
    """A bounded cache whose values are made at sixty places, few samples at each: some seem to grow."""
    each = random.uniform(3, 15) * RATE / 30 / 900
    return [BUCKETS, *(Place(f"main.new{i} < {LOGIN}", 900, each, lifetime=60) for i in range(60))]


def _busy(random: np.random.Generator) -> list[Place]:
    """A large steady map under a handler that makes nothing but garbage, and a slice that holds still."""
    garbage = [
        Place(
            f"main.render{i} < {LOGIN}", int(2 ** random.uniform(5, 15)), 3e7 / 2**12, random.uniform(0.1, 3)
        )
        for i in range(int(random.integers(1, 12)))
    ]
    kept = Place(f"main.new < {LOGIN}", 900, 0, at_start=int(random.integers(10**3, 10**6)))
    log = Place(f"{APPEND} < main.log:3 < main.worker", 20 * MIB, at_start=1)
    return [BUCKETS, kept, log, *garbage]


def _idle(random: np.random.Generator) -> list[Place]:
    trie = Place(f"{HASHTRIE} < main.register:5 < {LOGIN}", 48, 0, at_start=int(random.integers(10, 10**6)))
    return [trie, Place("main.load < main.main < runtime.main", 700, 3, lifetime=4)]


@pytest.mark.parametrize("service", [_lru, _sixty_places, _busy, _idle])
def test_healthy_services_are_not_called_leaks(service: Callable[[np.random.Generator], list[Place]]) -> None:
    random = np.random.default_rng(7)
    runs = 400
    verdicts: Counter[Verdict] = Counter()
    for _ in range(runs):
        verdicts[diagnose(watch(service(random), random)).verdict] += 1
    false = sum(count for verdict, count in verdicts.items() if verdict.is_finding)
    print(f"{service.__name__}: n={runs}, {false} called a problem, {dict(verdicts)}")
    assert false <= runs * 0.005
    assert verdicts[Verdict.UNDETERMINED] <= runs * 0.05


def _leak(random: np.random.Generator, per_second: float) -> list[Place]:
    """Sessions that stay, beside a handler's garbage, in one of three designs."""
    size = int(2 ** random.uniform(6, 14))
    design = [SWISS, CLASSIC, HASHTRIE][int(random.integers(3))]
    put = f"main.put:9 < {LOGIN}"
    return [
        Place(f"{design} < {put}", 48 if design == HASHTRIE else 48 * KIB, 2, at_start=50),
        Place(f"main.newSession < {LOGIN}", size, per_second * 0.8 / size, at_start=10**4),
        Place(f"strings.Clone < {put}", 64, per_second * 0.2 / 64, at_start=10**4),
        Place(f"main.decode < {LOGIN}", 3000, 20 * MIB / 3000, lifetime=0.5),
        Place("main.cron < main.worker", 10**4, 100, lifetime=3),
    ]


@pytest.mark.parametrize(("megabytes", "least"), [(2.0, 0.95), (0.2, 0.0)])
def test_a_leak_is_found_behind_ten_times_its_garbage(megabytes: float, least: float) -> None:
    random = np.random.default_rng(11)
    runs = 300
    verdicts: Counter[Verdict] = Counter()
    for _ in range(runs):
        diagnosis = diagnose(watch(_leak(random, megabytes * MIB), random))
        verdicts[diagnosis.verdict] += 1
        if diagnosis.verdict is Verdict.MAP_LEAK:
            site = diagnosis.suspects[0].site
            assert site is not None and (site.function, site.line) == ("main.put", 9)
    print(f"{megabytes} MB/s over 30 s: n={runs}, {dict(verdicts)}")
    assert verdicts[Verdict.MAP_LEAK] >= least * runs
    assert sum(verdicts[v] for v in Verdict if v.is_finding and v is not Verdict.MAP_LEAK) == 0
    assert verdicts[Verdict.HEALTHY] < 0.02 * runs or megabytes < 1
