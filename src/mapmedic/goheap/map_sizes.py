"""What the allocator sets aside, and what a map rebuilt for its entries of today would take.

Upstream: src/internal/runtime/gc/sizeclasses.go (the same classes from Go 1.21 to 1.27), src/runtime/msize.go,
src/runtime/map.go makemap (classic), src/internal/runtime/maps/map.go NewMap (Swiss).
"""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache

SIZE_CLASSES = (
    8, 16, 24, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256, 288, 320, 352, 384, 416, 448,
    480, 512, 576, 640, 704, 768, 896, 1024, 1152, 1280, 1408, 1536, 1792, 2048, 2304, 2688, 3072, 3200, 3456,
    4096, 4864, 5376, 6144, 6528, 6784, 6912, 8192, 9472, 9728, 10240, 10880, 12288, 13568, 14336, 16384, 18432,
    19072, 20480, 21760, 24576, 27264, 28672, 32768,
)  # fmt: skip
_MOST_SMALL, _PAGE, _HEADER, _MOST_HEADERLESS = 32768, 8192, 8, 512
_TABLE_BYTES, _SLOTS, _AVERAGE_LOAD, _MOST_IN_TABLE = 32, 8, 7, 1024
_EXTRA_BYTES = 24
MAX_INLINE_BYTES = 128


def allocated_bytes(size: int, *, header: bool) -> int:
    """Return the bytes that the heap sets aside for one object of ``size`` bytes.

    ``header``: it is of those that begin with their type where they are neither small nor large, which are those
    with pointers from Go 1.22 on.
    """
    if size == 0:
        return 0
    size += _header(size, header)
    if size > _MOST_SMALL:
        return (size + _PAGE - 1) // _PAGE * _PAGE
    return SIZE_CLASSES[bisect_left(SIZE_CLASSES, size)]


@lru_cache(maxsize=4096)
def rebuilt_bytes(
    entries: int, group_bytes: int, *, header: bool, swiss: bool, load: float, map_header: int
) -> int:
    """Return the shallow bytes of a map made for ``entries``, once it holds its first.

    ``group_bytes`` is the size of one bucket (classic) or group of 8 slots (Swiss); ``load`` how many entries a
    classic bucket has on average before the map grows; ``map_header`` the size of a map's header. Without the
    objects of keys and elements that do not fit into a slot.
    """
    if entries == 0:
        return map_header
    if swiss:
        return map_header + _swiss_parts(entries, group_bytes, header)
    return map_header + _classic_parts(entries, group_bytes, header, load)


def _swiss_parts(entries: int, group_bytes: int, header: bool) -> int:
    if entries <= _SLOTS:
        return allocated_bytes(group_bytes, header=header)
    target = entries * _SLOTS // _AVERAGE_LOAD
    tables = _power_of_two((target + _MOST_IN_TABLE - 1) // _MOST_IN_TABLE)
    groups = _power_of_two(max(target // tables, _SLOTS)) // _SLOTS
    table = allocated_bytes(_TABLE_BYTES, header=True) + allocated_bytes(groups * group_bytes, header=header)
    return allocated_bytes(tables * 8, header=True) + tables * table


def _classic_parts(entries: int, bucket_bytes: int, header: bool, load: float) -> int:
    log = 0
    while entries > _SLOTS and entries > load * (1 << log):
        log += 1
    buckets = 1 << log
    if log < 4:
        return allocated_bytes(buckets * bucket_bytes, header=header)
    # From 16 buckets on one in sixteen more is put in stock, and the size class is used to its end.
    size = (buckets + (1 << (log - 4))) * bucket_bytes
    usable = allocated_bytes(size, header=header) - _header(size, header)
    stocked = usable // bucket_bytes
    return allocated_bytes(_EXTRA_BYTES, header=True) + allocated_bytes(stocked * bucket_bytes, header=header)


def _header(size: int, header: bool) -> int:
    return _HEADER if header and _MOST_HEADERLESS < size <= _MOST_SMALL - _HEADER else 0


def _power_of_two(number: int) -> int:
    return 1 << max(0, number - 1).bit_length()
