package main

type cache[K comparable, V any] struct {
	entries map[K]V
	next    *cache[K, V]
}

type base struct{ byID map[int]*item }

type item struct{ a, b int }

type service struct {
	base
	*extra
	users cache[string, []int]
}

type extra struct{ tags map[string]struct{} }

type named map[string]named

var (
	svc     service
	typed   = cache[[2]int, map[string]bool]{}
	tree    named
	matrix  map[string]map[int]map[string]int
	bigKeys map[[40]int]int
	bigVals map[int][40]int
	ifaces  map[any]any
)

func fillGenerics() {
	svc.base.byID = filled[int, *item](number)
	held("main.svc.base.byID", len(svc.byID))
	svc.extra = &extra{tags: filled[string, struct{}](text)}
	held("main.svc.extra.tags", len(svc.tags))
	svc.users.next = &cache[string, []int]{entries: filled[string, []int](text)}
	held("main.svc.users.next.entries", len(svc.users.next.entries))
	typed.entries = map[[2]int]map[string]bool{{1, 2}: filled[string, bool](text)}
	held("main.typed.entries[{…}]", len(typed.entries[[2]int{1, 2}]))
	leaf := filled[string, named](text)
	tree = named{"a": named{"b": leaf}}
	held(`main.tree["a"]["b"]`, len(leaf))
	matrix = map[string]map[int]map[string]int{"x": {7: filled[string, int](text)}}
	held(`main.matrix["x"][7]`, len(matrix["x"][7]))
	bigKeys = filled[[40]int, int](func(i int) [40]int { return [40]int{i} })
	held("main.bigKeys", len(bigKeys))
	bigVals = filled[int, [40]int](number)
	held("main.bigVals", len(bigVals))
	inner := filled[int, string](number)
	ifaces = map[any]any{"k": inner}
	held(`main.ifaces["k"]`, len(inner))
}
