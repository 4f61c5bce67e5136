package main

import (
	"runtime"
	"sync"
)

type node struct {
	byText map[string]int
	array  [3]map[int]int
	inner  *node
	boxed  any
}

type holder interface{ hold() }

func (n *node) hold() {}

// The linker lays what these lead to among the global variables, where it has no name.
var (
	pointed        = &node{inner: &node{}}
	listed         = []*node{{}, {inner: &node{}}}
	values         = []node{{}, {}}
	asAny      any = &node{}
	asHolder       = holder(&node{})
	nested         = &node{boxed: &node{}}
	pool       sync.Pool
	syncPtr    = &sync.Map{}
	manyStatic = [...]*node{{}, {}, {}}
)

func fillStatics() {
	pointed.byText = filled[string, int](text)
	held("main.pointed.byText", len(pointed.byText))
	pointed.array[2] = filled[int, int](number)
	held("main.pointed.array[2]", len(pointed.array[2]))
	pointed.inner.byText = filled[string, int](text)
	held("main.pointed.inner.byText", len(pointed.inner.byText))
	listed[1].inner.array[0] = filled[int, int](number)
	held("main.listed[1].inner.array[0]", len(listed[1].inner.array[0]))
	values[1].byText = filled[string, int](text)
	held("main.values[1].byText", len(values[1].byText))
	asAny.(*node).byText = filled[string, int](text)
	held("main.asAny.byText", len(asAny.(*node).byText))
	asHolder.(*node).array[1] = filled[int, int](number)
	held("main.asHolder.array[1]", len(asHolder.(*node).array[1]))
	nested.boxed.(*node).boxed = filled[int32, int32](func(i int) int32 { return int32(i) })
	held("main.nested.boxed.boxed", len(nested.boxed.(*node).boxed.(map[int32]int32)))
	manyStatic[2].byText = filled[string, int](text)
	held("main.manyStatic[2].byText", len(manyStatic[2].byText))
	for i := range filled[int, bool](number) {
		syncPtr.Store(i, i)
	}
	held("main.syncPtr", next)
}

// fillPool comes last: what lies in a pool goes with the next collections.
func fillPool() {
	m := filled[int, int8](number)
	runtime.GC()
	pool.Put(m)
	held("main.pool[…]", len(m))
}
