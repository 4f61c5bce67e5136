package main

import "sync"

// Tenant holds a map; where the tenant itself is kept is what the path must say.
type Tenant struct {
	name  string
	items map[int]int
}

// Shard is an element of a slice.
type Shard struct {
	id int
	m  map[int]int
}

// Store holds tenants by what tells them apart.
type Store struct {
	byName map[string]*Tenant
	byKey  map[Point]*Tenant
	any    any
}

var (
	tenants map[string]*Tenant
	byID    map[int]map[int]int
	byWide  map[WideKey]*Tenant
	inWide  map[string]WideTenant
	nested  map[string]map[bool]*Tenant
	shards  []Shard
	queue   chan *Tenant
	values  chan Shard
	store   *Store
	cache   sync.Map
	small   sync.Map
	deep    *Link // holds what tenants["a"] holds
	slices  map[string][]*Tenant
)

// Link is one of a chain.
type Link struct {
	next   *Link
	tenant *Tenant
}

// WideTenant is too large for a slot.
type WideTenant struct {
	rest [20]uint64
	t    *Tenant
}

// paths makes maps of as many entries as no other has, and returns path -> entries.
func paths() map[string]int {
	said, next := map[string]int{}, 30000
	items := func(path string) map[int]int {
		next++
		m := make(map[int]int)
		for i := 0; i < next; i++ {
			m[i] = i
		}
		said[path] = next
		return m
	}
	tenant := func(path string) *Tenant { return &Tenant{path, items(path + ".items")} }
	tenants = map[string]*Tenant{}
	for _, name := range []string{"a", `quo"te`} {
		tenants[name] = nil
	}
	tenants["a"] = tenant(`main.tenants["a"]`)
	tenants[`quo"te`] = tenant(`main.tenants["quo\"te"]`)
	for i := 0; i < 30; i++ { // so many that it has tables, or several buckets
		tenants[string(rune('b'+i))] = nil
	}
	byID = map[int]map[int]int{42: items("main.byID[42]"), -1: items("main.byID[-1]")}
	byWide = map[WideKey]*Tenant{{Name: "w"}: tenant("main.byWide[{…}]")}
	inWide = map[string]WideTenant{"wide": {t: tenant(`main.inWide["wide"].t`)}}
	nested = map[string]map[bool]*Tenant{"x": {true: tenant(`main.nested["x"][true]`)}}
	shards = make([]Shard, 3)
	shards[2].m = items("main.shards[2].m")
	queue = make(chan *Tenant, 8)
	values = make(chan Shard, 4)
	for i := 0; i < 3; i++ { // the first three are taken out again: the fourth is the next
		queue <- nil
		values <- Shard{}
	}
	for i := 0; i < 3; i++ {
		<-queue
		<-values
	}
	queue <- nil
	queue <- tenant("chan main.queue[1]")
	values <- Shard{}
	values <- Shard{m: items("chan main.values[1].m")} // it stands before the first one in the buffer
	store = &Store{
		byName: map[string]*Tenant{"n": tenant(`main.store.byName["n"]`)},
		byKey:  map[Point]*Tenant{{"p", 1, 2}: tenant("main.store.byKey[{…}]")},
		any:    tenant("main.store.any"),
	}
	cache.Store("key", tenant(`main.cache["key"]`))
	slices = map[string][]*Tenant{"s": {nil, tenant(`main.slices["s"][1]`)}}
	deep = &Link{tenant: tenants["a"]}
	for i := 0; i < 12; i++ { // a longer way than the other
		deep = &Link{next: deep}
	}
	return said
}
