package main

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var idleHeap = scenario{
	sentence: "the nightly import was held in memory as a whole and is booked and gone, and the service has been at rest since",
	// Nothing is alive and nothing grows, yet the process is as large as at the
	// import's peak: free memory that the runtime has not yet returned. It will,
	// when one or two more collections have come.
	verdict:  "idle_not_returned",
	defaults: load{entries: 150_000, rate: 0, valueBytes: 2_000},
	start:    func(l load) service { return &ledger{imported: l.entries, voucherBytes: l.valueBytes} },
}

// ledger books vouchers.
type ledger struct {
	mu           sync.Mutex
	pending      [][]byte
	booked       int
	total        uint64
	imported     int // vouchers of the import, booked all at once
	voucherBytes int
}

// Book takes in a voucher and returns the total.
func (l *ledger) Book(payer string) uint64 {
	v := newVoucher(payer, l.voucherBytes)
	return l.post(v)
}

func newVoucher(payer string, voucherBytes int) []byte {
	v := make([]byte, voucherBytes)
	fillWith(v, hashOf(payer))
	return v
}

func (l *ledger) post(v []byte) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pending = append(l.pending, inserting(v))
	if l.booked+len(l.pending) >= l.imported {
		l.settle()
	}
	return l.total
}

// settle ends the import with the one collection that well-meant code asks
// for. The scavenger's goal lags a cycle behind, so hardly a page goes back.
func (l *ledger) settle() {
	for _, v := range l.pending {
		l.total += uint64(checksum(v))
	}
	importEnds := l.booked == 0
	l.booked += len(l.pending)
	l.pending = nil
	if importEnds {
		runtime.GC()
	}
}

func (l *ledger) add(n int) { l.Book(fmt.Sprintf("payer-%d", n)) }

func (l *ledger) work(key string) any {
	return map[string]any{"payer": key, "total": l.Book(key)}
}

// holding has no container to name: it is gone. Entries are the vouchers
// booked.
func (l *ledger) holding() holding {
	l.mu.Lock()
	defer l.mu.Unlock()
	freed := mapsize.Alloc(uintptr(l.voucherBytes), false) * uint64(min(l.booked, l.imported))
	return holding{
		size:  mapsize.Measure{Entries: l.booked + len(l.pending)},
		facts: facts{FreedBytes: &freed},
	}
}
