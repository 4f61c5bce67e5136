package main

import (
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/mapmedic/mapmedic/agent"
	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var shardedMap = scenario{
	sentence: "a registry spreads its devices over sixteen maps, each behind a lock of its own, and forgets no device",
	// One sixteenth of a leak is easily overlooked, but the insertion is one
	// statement and its entries only ever become more.
	verdict:  "map_leak",
	defaults: load{entries: 120_000, rate: 2_000, valueBytes: 1_000},
	start: func(l load) service {
		reg = NewDeviceRegistry(l.valueBytes)
		return reg
	},
}

const shardField = "main.deviceShard.m"

var reg *DeviceRegistry

// Device is what a connection leaves behind.
type Device struct {
	ID     string
	Name   string
	Status []byte
}

// DeviceRegistry keeps devices by their ID.
type DeviceRegistry struct {
	shards      [16]deviceShard
	serial      atomic.Uint64
	statusBytes int
}

type deviceShard struct {
	mu sync.Mutex
	m  map[string]*Device
}

// NewDeviceRegistry returns a registry without devices.
func NewDeviceRegistry(statusBytes int) *DeviceRegistry {
	r := &DeviceRegistry{statusBytes: statusBytes}
	for i := range r.shards {
		r.shards[i].m = make(map[string]*Device)
	}
	return r
}

// Connect makes a device known. The mistake: every connection gets a new ID.
func (r *DeviceRegistry) Connect(name string) *Device {
	d := newDevice(name, r.serial.Add(1), r.statusBytes)
	r.shardOf(d.ID).put(d)
	return d
}

// Device finds a device, nil when it is not known (any more).
func (r *DeviceRegistry) Device(id string) *Device {
	s := r.shardOf(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m[id]
}

func (r *DeviceRegistry) shardOf(id string) *deviceShard {
	return &r.shards[hashOf(id)%uint64(len(r.shards))]
}

func (s *deviceShard) put(d *Device) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.m[d.ID] = inserting(d)
}

func newDevice(name string, serial uint64, statusBytes int) *Device {
	d := &Device{
		ID:     fmt.Sprintf("device-%016x", mix(serial)),
		Name:   fmt.Sprintf("name:%-16s", name),
		Status: make([]byte, statusBytes),
	}
	fillWith(d.Status, serial)
	return d
}

func (r *DeviceRegistry) add(n int) { r.Connect(fmt.Sprintf("sensor-%d", n)) }

func (r *DeviceRegistry) work(key string) any {
	connected := r.Connect(key)
	d := r.Device(connected.ID)
	known := d != nil
	if !known {
		d = connected
	}
	return map[string]any{"device": d.ID, "name": d.Name, "known": known, "status": checksum(d.Status)}
}

func shardPath(i int) string { return fmt.Sprintf("main.reg.shards[%d].m", i) }

// register names every shard by its path: sixteen maps share one declaration.
func (r *DeviceRegistry) register() error {
	for i := range r.shards {
		if err := agent.RegisterMap(shardPath(i), &r.shards[i].m, &r.shards[i].mu); err != nil {
			return err
		}
	}
	return nil
}

func (r *DeviceRegistry) holding() holding {
	for i := range r.shards {
		r.shards[i].mu.Lock()
		defer r.shards[i].mu.Unlock()
	}
	parts := make([]part, len(r.shards))
	for i := range r.shards {
		parts[i] = part{Path: shardPath(i), Measure: mapsize.Map(r.shards[i].m)}
		for _, d := range r.shards[i].m {
			// The key is the same text as d.ID.
			parts[i].ValuesBytes += mapsize.New[Device]() + mapsize.Bytes(d.Status) +
				mapsize.String(d.ID) + mapsize.String(d.Name)
		}
	}
	h := sumOf(parts)
	h.path, h.declared, h.typ = "main.reg.shards[*].m", shardField, reflect.TypeOf(r.shards[0].m)
	return h
}
