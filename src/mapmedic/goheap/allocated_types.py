"""What the code that fills a global variable allocates: the types that the variable may lead to."""

from __future__ import annotations

from mapmedic.goheap.global_labels import GlobalLabels
from mapmedic.goheap.machine_code import MachineCode
from mapmedic.memory.reader import Memory

# src/runtime/malloc.go: newobject(type); from Go 1.27 on the compiler calls one of many mallocgc…(bytes, type, zero).
_ALLOCATE, _ALLOCATE_SIZED = "runtime.newobject", "runtime.mallocgc"
_FIRST, _SECOND = 0, 3  # rax, rbx
_MOST_CALLEES = 64


def allocated_types(memory: Memory, labels: GlobalLabels, variable: int) -> set[int]:
    """Return the types that functions which write ``variable``, and those they call, make single objects of."""
    types: set[int] = set()
    callees: set[int] = set()
    for entry in _writers(labels, variable):
        made, called = _made(MachineCode.read(memory, labels.code, entry))
        types |= made
        callees |= called
    for entry in sorted(callees)[:_MOST_CALLEES]:
        types |= _made(MachineCode.read(memory, labels.code, entry))[0]
    return types


def _writers(labels: GlobalLabels, variable: int) -> set[int]:
    found = (labels.code.function(at) for at, writes in labels.naming(variable) if writes)
    return {function[0] for function in found if function is not None}


def _made(code: MachineCode) -> tuple[set[int], set[int]]:
    """Return (types allocated, functions called outside of the runtime)."""
    types: set[int] = set()
    called: set[int] = set()
    for at, target, name in code.calls():
        if name == _ALLOCATE or name.startswith(_ALLOCATE_SIZED):
            type_ = code.loaded(at, _FIRST if name == _ALLOCATE else _SECOND)
            types |= set() if type_ is None else {type_}
        elif not name.startswith("runtime."):
            called.add(target)
    return types, called
