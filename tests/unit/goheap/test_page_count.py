from pathlib import Path

from mapmedic import _native
from mapmedic.goheap.page_count import may_be_found
from mapmedic.memory.reader import Memory, ThreadState
from mapmedic.model.inventory import SnapshotMode


def test_a_span_that_a_thread_just_takes_or_gives_back_is_not_counted_and_none_is_counted_twice() -> None:
    threads = tuple(ThreadState(*([0] * len(ThreadState.__dataclass_fields__))) for _ in range(2))
    memory = Memory(_native.Image([]), SnapshotMode.FORK, str(Path("program")), (), threads)
    assert 100 in may_be_found(memory, 100)
    assert 101 in may_be_found(memory, 100)
    assert 99 not in may_be_found(memory, 100)
    assert 130 not in may_be_found(memory, 100)
