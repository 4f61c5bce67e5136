package main

import (
	"reflect"
	"sync/atomic"
)

// faults counts what must never happen; the figures of all kinds together.
var faults struct {
	// wrong: an element that is not its key's, or not what was last written.
	wrong atomic.Int64
	// lost: an entry written after the last fix is gone.
	lost atomic.Int64
	// undead: an entry that its writer has deleted is there.
	undead atomic.Int64
	// miscounted: a range under the lock found another number than len.
	miscounted atomic.Int64
	// ghosts: an iterator yielded what is not in the map at that moment.
	ghosts atomic.Int64
	// twice: a Range of a sync.Map visited a key that it had visited.
	twice atomic.Int64
}

// generation is even while nobody mends anything, and odd during a fix. What
// was written under the generation that there is now must be there.
var generation atomic.Uint64

func isFix(generation uint64) bool { return generation%2 == 1 }

// lastIter keeps an iterator reachable, so that it lies on the heap.
var lastIter atomic.Pointer[reflect.MapIter]

type faultCounts struct {
	Wrong      int64 `json:"wrong"`
	Lost       int64 `json:"lost"`
	Undead     int64 `json:"undead"`
	Miscounted int64 `json:"miscounted"`
	Ghosts     int64 `json:"ghosts"`
	Twice      int64 `json:"twice"`
}

func countFaults() faultCounts {
	return faultCounts{
		faults.wrong.Load(), faults.lost.Load(), faults.undead.Load(), faults.miscounted.Load(), faults.ghosts.Load(),
		faults.twice.Load(),
	}
}
