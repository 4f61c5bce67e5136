package main

import (
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/mapmedic/mapmedic/agent"
	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var mapOfMaps = scenario{
	sentence: "a map holds the tenants, each tenant a map of draft orders, and a draft is never taken out",
	// The outer map stays as small as it was. It is the maps within that grow,
	// all by the same statement.
	verdict:  "map_leak",
	defaults: load{entries: 120_000, rate: 2_000, valueBytes: 1_000},
	start: func(l load) service {
		tenants = make(map[string]*Tenant, tenantCount)
		for i := 0; i < tenantCount; i++ {
			tenants[tenantName(i)] = &Tenant{items: make(map[string]*Draft)}
		}
		return &draftDesk{bodyBytes: l.valueBytes}
	},
}

const (
	itemsField  = "main.Tenant.items"
	tenantCount = 24
)

// tenants is not changed after the start, so it needs no lock.
var tenants map[string]*Tenant

func tenantName(i int) string { return fmt.Sprintf("tenant-%02d", i) }

// Tenant is one customer with its drafts.
type Tenant struct {
	mu    sync.RWMutex
	items map[string]*Draft
}

// Draft is an order not yet placed.
type Draft struct {
	ID   string
	Body []byte
}

type draftDesk struct {
	serial    atomic.Uint64
	bodyBytes int
}

// Save keeps a draft for the tenant that the author belongs to.
func (d *draftDesk) Save(author string) (*Tenant, *Draft) {
	t := tenants[tenantName(int(hashOf(author)%tenantCount))]
	draft := newDraft(d.serial.Add(1), d.bodyBytes)
	t.put(draft)
	return t, draft
}

func newDraft(serial uint64, bodyBytes int) *Draft {
	d := &Draft{ID: fmt.Sprintf("draft-%016x", mix(serial)), Body: make([]byte, bodyBytes)}
	fillWith(d.Body, serial)
	return d
}

func (t *Tenant) put(d *Draft) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.items[d.ID] = inserting(d)
}

func (t *Tenant) item(id string) *Draft {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.items[id]
}

func (d *draftDesk) add(n int) { d.Save(fmt.Sprintf("author-%d", n)) }

func (d *draftDesk) work(key string) any {
	t, saved := d.Save(key)
	draft := t.item(saved.ID)
	kept := draft != nil
	if !kept {
		draft = saved
	}
	return map[string]any{"draft": draft.ID, "kept": kept, "body": checksum(draft.Body)}
}

func itemsPath(tenant string) string { return fmt.Sprintf("main.tenants[%q].items", tenant) }

// register names every inner map by its path: they share one declaration.
func (d *draftDesk) register() error {
	for name, t := range tenants {
		if err := agent.RegisterMap(itemsPath(name), &t.items, &t.mu); err != nil {
			return err
		}
	}
	return nil
}

// holding is of the inner maps. The outer one has as many entries as there
// are parts.
func (d *draftDesk) holding() holding {
	parts := make([]part, tenantCount)
	for i := range parts {
		t := tenants[tenantName(i)]
		t.mu.RLock()
		defer t.mu.RUnlock()
		parts[i] = part{Path: itemsPath(tenantName(i)), Measure: mapsize.Map(t.items)}
		for _, draft := range t.items {
			// The key is the same text as draft.ID.
			parts[i].ValuesBytes += mapsize.New[Draft]() + mapsize.String(draft.ID) + mapsize.Bytes(draft.Body)
		}
	}
	h := sumOf(parts)
	h.path, h.declared, h.typ = "main.tenants[*].items", itemsField, reflect.TypeOf(map[string]*Draft(nil))
	return h
}
