package main

import "sync"

// The ways a program keeps a map and its lock. Each is held by a package
// variable; the workers reach the map through the pointers handed out here.

// SessionDesk has its lock before the map.
type SessionDesk struct {
	mu       sync.RWMutex
	opened   int
	sessions map[string]*Record
}

// Ledger embeds a mutex behind its map.
type Ledger struct {
	entries map[int64]Plain
	name    string
	sync.Mutex
}

// Grid has a pointer to a mutex that lies elsewhere.
type Grid struct {
	mu    *sync.Mutex
	cells map[Point]Record
}

// indexPart is embedded in what has the lock.
type indexPart struct {
	length int
	byKey  map[any]Record
}

// Index has its lock one level above the map.
type Index struct {
	sync.RWMutex
	indexPart
}

// Archive has a map whose keys and elements lie beside its slots.
type Archive struct {
	mu    sync.Mutex
	files map[WideKey]WideRecord
}

// Cache is generic.
type Cache[K comparable, V any] struct {
	items map[K]V
	mu    sync.RWMutex
}

// Flags stays small: eight entries at most.
type Flags struct {
	mu  sync.Mutex
	set map[string]Record
}

// Shard is one of several.
type Shard struct {
	mu      sync.RWMutex
	devices map[string]*Record
}

// Registry spreads its devices over shards.
type Registry struct{ shards [16]Shard }

// Notes has no lock beside its map: Office has it, and nothing but the code
// says so.
type Notes struct{ texts map[string]Record }

// Office leads to the notes, and has the lock for them.
type Office struct {
	mu    sync.Mutex
	notes *Notes
}

// desk and registry are in the program's own data, what the others point to is
// made when it is wanted, and lies on the heap.
var (
	desk     SessionDesk
	registry = &Registry{}
	ledger   *Ledger
	grid     *Grid
	index    *Index
	archive  *Archive
	thumbs   *Cache[string, Record]
	flags    *Flags
	office   *Office
)

func sessionDesk(c config) target {
	desk.sessions = map[string]*Record{}
	return newTraffic(c, pointers(textKey), behindRWMutex(&desk.mu, &desk.sessions))
}

func intLedger(c config) target {
	ledger = &Ledger{}
	ledger.entries = map[int64]Plain{}
	return newTraffic(c, plains(numberKey), behindMutex(&ledger.Mutex, &ledger.entries))
}

func pointGrid(c config) target {
	grid = &Grid{mu: &sync.Mutex{}}
	grid.cells = map[Point]Record{}
	return newTraffic(c, records(pointKey), behindMutex(grid.mu, &grid.cells))
}

func anyIndex(c config) target {
	index = &Index{}
	index.byKey = map[any]Record{}
	return newTraffic(c, records(anyKey), behindRWMutex(&index.RWMutex, &index.byKey))
}

func wideArchive(c config) target {
	archive = &Archive{}
	archive.files = map[WideKey]WideRecord{}
	return newTraffic(c, wides(wideKey), behindMutex(&archive.mu, &archive.files))
}

func genericCache(c config) target {
	thumbs = &Cache[string, Record]{}
	thumbs.items = map[string]Record{}
	return newTraffic(c, records(textKey), behindRWMutex(&thumbs.mu, &thumbs.items))
}

func smallFlags(c config) target {
	if c.entries > 8 {
		c.entries = 8
	}
	flags = &Flags{}
	flags.set = map[string]Record{}
	return newTraffic(c, records(textKey), behindMutex(&flags.mu, &flags.set))
}

func shardedDevices(c config) target {
	var places []place[string, *Record]
	for i := range registry.shards {
		shard := &registry.shards[i]
		shard.devices = map[string]*Record{}
		places = append(places, behindRWMutex(&shard.mu, &shard.devices))
	}
	return newTraffic(c, pointers(textKey), places...)
}

func loneNotes(c config) target {
	office = &Office{notes: &Notes{}}
	office.notes.texts = map[string]Record{}
	return newTraffic(c, records(textKey), behindMutex(&office.mu, &office.notes.texts))
}
