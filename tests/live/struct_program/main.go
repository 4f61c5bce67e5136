// Command structprogram has structs with several maps in them, works on one of
// them all the time, and tells on each line of standard input how they are.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"sync"
	"time"
	"unsafe"
)

// Manager is what the maps are fields of.
type Manager struct {
	name     string
	mu       sync.Mutex
	sessions map[string]*[64]byte
	hits     int
	cache    map[int]string
	quotas   map[string]int
	order    []string
}

// Spare is a type of which there are two.
type Spare struct {
	mu    sync.Mutex
	items map[int]int
}

// Group has several structs in one object.
type Group struct {
	rows [2]Row
}

// Row is one of them.
type Row struct {
	mu    sync.Mutex
	cells map[string]int
}

var (
	group  *Group
	mgr    *Manager
	spares []*Spare
	faults int
)

func newManager(sessions, cache int) *Manager {
	m := &Manager{name: "the manager", sessions: map[string]*[64]byte{}, cache: map[int]string{},
		quotas: map[string]int{"a": 1, "b": 2}, order: []string{"first", "last"}}
	for i := 0; i < sessions; i++ {
		m.sessions[fmt.Sprintf("session-%d", i)] = new([64]byte)
	}
	for i := 0; i < cache; i++ {
		m.cache[i] = fmt.Sprintf("page %d", i)
	}
	return m
}

// work stores something and finds it again, in both maps, under the lock.
func (m *Manager) work(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := fmt.Sprintf("worker-%d", n%50)
	m.sessions[key], m.cache[-1-n%50] = new([64]byte), key
	if m.sessions[key] == nil || m.cache[-1-n%50] != key {
		faults++
	}
	for _, session := range m.sessions {
		if session == nil {
			faults++
		}
		break
	}
	m.hits++
}

func header[K comparable, V any](m *map[K]V) uintptr { return *(*uintptr)(unsafe.Pointer(m)) }

func (m *Manager) tell() map[string]any {
	m.mu.Lock()
	defer m.mu.Unlock()
	return map[string]any{
		"entries": map[string]int{"sessions": len(m.sessions), "cache": len(m.cache), "quotas": len(m.quotas)},
		"headers": []uintptr{header(&m.sessions), header(&m.cache), header(&m.quotas)},
		"rest":    fmt.Sprint(m.name, m.order, m.quotas), "hits": m.hits, "faults": faults,
	}
}

func main() {
	mgr = newManager(40_000, 20_000)
	for i := 0; i < 2; i++ {
		spares = append(spares, &Spare{items: map[int]int{1: 1, 2: 2}})
	}
	group = &Group{rows: [2]Row{{cells: map[string]int{"a": 1}}, {cells: map[string]int{"b": 2}}}}
	go func() {
		for n := 0; ; n++ {
			mgr.work(n)
			time.Sleep(200 * time.Microsecond)
		}
	}()
	fmt.Printf("READY %d\n", os.Getpid())
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		_ = json.NewEncoder(os.Stdout).Encode(mgr.tell())
	}
	runtime.KeepAlive(spares)
	runtime.KeepAlive(group)
}
