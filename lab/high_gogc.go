package main

import (
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

// What somebody once set to save CPU: the heap may grow to eleven times what
// is alive before it is collected.
const rarelyCollect = 1_000

var highGOGC = scenario{
	sentence: "statements are written in scratch memory and only the latest are kept, on a service with GOGC=1000",
	// What is alive is bounded and small. The rest of the heap is garbage that
	// the collector was told to leave lying.
	verdict:  "gc_lag",
	defaults: load{entries: 15_000, rate: 1_000, valueBytes: 2_000},
	start: func(l load) service {
		debug.SetGCPercent(rarelyCollect)
		return &statementDesk{latest: make([][]byte, l.entries), textBytes: l.valueBytes}
	},
}

// statementDesk writes statements of account.
type statementDesk struct {
	mu        sync.Mutex
	latest    [][]byte // a ring
	written   int
	textBytes int
}

// Write makes a statement and keeps it among the latest.
func (d *statementDesk) Write(account string) []byte {
	text := writeStatement(account, d.textBytes)
	d.keep(text)
	return text
}

// writeStatement needs five times the memory that is left of it in the end.
func writeStatement(account string, textBytes int) []byte {
	scratch := inserting(make([]byte, 5*textBytes))
	fillWith(scratch, hashOf(account))
	text := make([]byte, textBytes)
	copy(text, scratch[len(scratch)-textBytes:])
	return text
}

func (d *statementDesk) keep(text []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.latest[d.written%len(d.latest)] = text
	d.written++
}

func (d *statementDesk) add(n int) { d.Write(fmt.Sprintf("account-%d", n)) }

func (d *statementDesk) work(key string) any {
	return map[string]any{"account": key, "statement": checksum(d.Write(key))}
}

// holding has no container to name: the garbage is the matter. Entries are
// the statements kept.
func (d *statementDesk) holding() holding {
	d.mu.Lock()
	defer d.mu.Unlock()
	percent := rarelyCollect
	kept := min(d.written, len(d.latest))
	return holding{size: mapsize.Measure{Entries: kept}, facts: facts{GCPercent: &percent}}
}
