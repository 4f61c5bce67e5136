package main

import (
	"encoding/binary"
	"fmt"
	"reflect"
	"sync"

	"github.com/mapmedic/mapmedic/agent"
	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var batchMaps = scenario{
	sentence: "rows are added up in a map that is made anew, without a size, for every batch",
	// Memory stays where it is: what is wrong is the allocation. Each batch
	// grows a map from nothing and leaves all its stages to the collector.
	verdict:  "map_churn",
	defaults: load{entries: 20_000, rate: 200_000, valueBytes: 64},
	start: func(l load) service {
		meter = &usageMeter{batchRows: l.entries, row: make([]byte, l.valueBytes)}
		return meter
	},
}

const totalsField = "main.usageMeter.totals"

var meter *usageMeter

// usage is the sum for one account.
type usage struct {
	rows, bytes         uint64
	smallest, largest   uint64
	firstByte, lastByte uint64
}

// usageMeter adds up rows, batch by batch.
type usageMeter struct {
	mu        sync.Mutex
	totals    map[uint64]usage
	inBatch   int
	batchRows int
	row       []byte // read into again and again
	billed    uint64
}

// Meter counts a row that an account has used and returns the account's sum
// in this batch.
func (m *usageMeter) Meter(account uint64) usage {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.totals == nil || m.inBatch == m.batchRows {
		m.nextBatch()
	}
	fillWith(m.row, account)
	sum := m.totals[account]
	sum.count(m.row)
	m.totals[account] = inserting(sum)
	m.inBatch++
	return sum
}

func (u *usage) count(row []byte) {
	used := uint64(binary.LittleEndian.Uint16(row))
	if u.rows == 0 || used < u.smallest {
		u.smallest = used
	}
	if used > u.largest {
		u.largest = used
	}
	if u.rows == 0 {
		u.firstByte = uint64(row[0])
	}
	u.lastByte = uint64(row[len(row)-1])
	u.rows++
	u.bytes += used
}

// nextBatch is the mistake: clear(m.totals) would keep the slots, a size hint
// would spare the stages of growth.
func (m *usageMeter) nextBatch() {
	for _, sum := range m.totals {
		m.billed += sum.bytes
	}
	m.totals = make(map[uint64]usage)
	m.inBatch = 0
}

// add meters an account of its own for every row of a batch.
func (m *usageMeter) add(n int) { m.Meter(uint64(n)) }

func (m *usageMeter) work(key string) any {
	account := hashOf(key)
	sum := m.Meter(account)
	return map[string]any{"account": fmt.Sprintf("%016x", account), "rows": sum.rows, "bytes": sum.bytes, "largest": sum.largest}
}

func (m *usageMeter) register() error {
	return agent.RegisterMap(totalsField, &m.totals, &m.mu)
}

// holding is of the batch at hand.
func (m *usageMeter) holding() holding {
	m.mu.Lock()
	defer m.mu.Unlock()
	return holding{
		path: "main.meter.totals", declared: totalsField,
		typ: reflect.TypeOf(m.totals), size: mapsize.Map(m.totals),
	}
}
