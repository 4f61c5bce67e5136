package main

import (
	"fmt"
	"reflect"
	"sync"

	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var sliceGrowth = scenario{
	sentence: "an audit log in memory is appended to with every request and never cut",
	verdict:  "slice_growth",
	defaults: load{entries: 150_000, rate: 2_000, valueBytes: 1_000},
	start:    func(l load) service { return &auditor{detailBytes: l.valueBytes} },
}

var (
	auditMu  sync.Mutex
	auditLog []*AuditRecord
)

// AuditRecord is one line of the log.
type AuditRecord struct {
	Action string
	Detail []byte
}

type auditor struct{ detailBytes int }

// Record notes an action and returns its number.
func (a *auditor) Record(action string) int {
	return appendRecord(newAuditRecord(action, a.detailBytes))
}

func newAuditRecord(action string, detailBytes int) *AuditRecord {
	r := &AuditRecord{
		Action: fmt.Sprintf("action: %-16s", action),
		Detail: make([]byte, detailBytes),
	}
	fillWith(r.Detail, hashOf(action))
	return r
}

func appendRecord(r *AuditRecord) int {
	auditMu.Lock()
	defer auditMu.Unlock()
	auditLog = append(auditLog, inserting(r))
	return len(auditLog) - 1
}

func recordAt(number int) *AuditRecord {
	auditMu.Lock()
	defer auditMu.Unlock()
	return auditLog[number]
}

func (a *auditor) add(n int) { a.Record(fmt.Sprintf("visit-%d", n)) }

func (a *auditor) work(key string) any {
	number := a.Record(key)
	r := recordAt(number)
	return map[string]any{"number": number, "action": r.Action, "detail": checksum(r.Detail)}
}

func (a *auditor) holding() holding {
	auditMu.Lock()
	defer auditMu.Unlock()
	h := holding{
		path: "main.auditLog", declared: "main.auditLog",
		typ: reflect.TypeOf(auditLog), size: mapsize.Slice(auditLog),
	}
	for _, r := range auditLog {
		h.valuesBytes += mapsize.New[AuditRecord]() + mapsize.String(r.Action) + mapsize.Bytes(r.Detail)
	}
	return h
}
