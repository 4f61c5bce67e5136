package main

import (
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"

	"github.com/mapmedic/mapmedic/agent"
	"github.com/mapmedic/mapmedic/lab/internal/mapsize"
)

var hugeValues = scenario{
	sentence: "finished exports of 1 MiB each are kept in a map for a download that never comes",
	// The map itself is tiny and has few entries. Who asks only for large maps
	// or many entries finds nothing; what it retains is nearly the whole heap.
	verdict:  "map_leak",
	defaults: load{entries: 150, rate: 2, valueBytes: 1 << 20},
	start: func(l load) service {
		exports = &exportStore{finished: make(map[string][]byte), fileBytes: l.valueBytes}
		return exports
	},
}

const finishedField = "main.exportStore.finished"

var exports *exportStore

// exportStore keeps exported files by name.
type exportStore struct {
	mu        sync.Mutex
	finished  map[string][]byte
	serial    atomic.Uint64
	fileBytes int
}

// Export writes a file and returns its name.
func (s *exportStore) Export(title string) (name string, file []byte) {
	serial := s.serial.Add(1)
	name = fmt.Sprintf("export-%012d/%s", serial, title)
	file = writeExport(serial, s.fileBytes)
	s.keep(name, file)
	return name, file
}

func writeExport(serial uint64, fileBytes int) []byte {
	file := make([]byte, fileBytes)
	fillWith(file, serial)
	return file
}

func (s *exportStore) keep(name string, file []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finished[name] = inserting(file)
}

func (s *exportStore) file(name string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.finished[name]
}

func (s *exportStore) add(n int) { s.Export(fmt.Sprintf("report-%d", n)) }

func (s *exportStore) work(key string) any {
	name, written := s.Export(key)
	file := s.file(name)
	kept := file != nil
	if !kept {
		file = written
	}
	return map[string]any{"export": name, "kept": kept, "file": checksum(file)}
}

func (s *exportStore) register() error {
	return agent.RegisterMap(finishedField, &s.finished, &s.mu)
}

func (s *exportStore) holding() holding {
	s.mu.Lock()
	defer s.mu.Unlock()
	h := holding{
		path: "main.exports.finished", declared: finishedField,
		typ: reflect.TypeOf(s.finished), size: mapsize.Map(s.finished),
	}
	for name, file := range s.finished {
		h.valuesBytes += mapsize.String(name) + mapsize.Bytes(file)
	}
	return h
}
