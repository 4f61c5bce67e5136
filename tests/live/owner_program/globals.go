package main

var (
	cacheByID = map[int]*item{}
	registry  struct {
		name  string
		inner [3]struct {
			n     int
			byKey map[string]*item
		}
	}
	boss *server
)

const (
	inGlobal = 2001 + iota
	inGlobalArray
	inGlobalPointer
)

//go:noinline
func remember(id int, it *item) { cacheByID[id] = it }

//go:noinline
func enlist(n int, byKey map[string]*item) { registry.inner[n].byKey = byKey }

//go:noinline
func (s *server) keep(id int, it *item) { s.cache.items[id] = it }

func (s *server) serve() {
	for id := 0; id < inGlobalPointer; id++ {
		s.keep(id, &item{id, id})
	}
}

func fillGlobals() {
	for id := 0; id < inGlobal; id++ {
		remember(id, &item{id, id})
	}
	enlist(sink&1+2, filledByKey(inGlobalArray))
	boss = &server{cache: &cache{items: map[int]*item{}}}
	boss.serve()
}

//go:noinline
func handle() int { return len(boss.cache.items) }
