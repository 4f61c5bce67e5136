package main

import (
	"fmt"
	"maps"
)

// exerciseMap does to a map all that a program may do to one, and returns what
// went wrong. What was in it is lost. A fatal error of the runtime ends the
// process, which says it as well.
func exerciseMap[K comparable, V any](m map[K]V, keys []K, value func(K) V, same func(a, b V) bool) []string {
	var said []string
	expect := func(ok bool, format string, args ...any) {
		if !ok {
			said = append(said, fmt.Sprintf(format, args...))
		}
	}
	before := len(m)
	for i, k := range keys {
		_, there := m[k]
		expect(!there, "insert: key %d is there already", i)
		m[k] = value(k)
	}
	expect(len(m) == before+len(keys), "len: %d after %d inserts into %d", len(m), len(keys), before)
	expect(matches(m, keys, value, same), "look-up: an entry is not what was inserted")
	expect(ranged(m) == len(m), "range: %d entries of %d", ranged(m), len(m))
	copied := maps.Clone(m)
	expect(len(copied) == len(m) && matches(copied, keys, value, same), "clone: %d entries of %d, or wrong ones", len(copied), len(m))
	for i, k := range keys {
		if i%2 == 0 {
			delete(m, k)
		}
	}
	expect(len(m) == before+len(keys)/2, "delete: %d entries left of %d", len(m), before+len(keys))
	expect(ranged(m) == len(m), "range after delete: %d entries of %d", ranged(m), len(m))
	clear(m)
	expect(len(m) == 0 && ranged(m) == 0, "clear: %d entries left", len(m))
	for _, k := range keys {
		m[k] = value(k)
	}
	expect(len(m) == len(keys) && matches(m, keys, value, same), "insert after clear: %d entries of %d, or wrong ones", len(m), len(keys))
	clear(m)
	return said
}

func matches[K comparable, V any](m map[K]V, keys []K, value func(K) V, same func(a, b V) bool) bool {
	for _, k := range keys {
		if v, ok := m[k]; !ok || !same(v, value(k)) {
			return false
		}
	}
	return true
}

func ranged[K comparable, V any](m map[K]V) int {
	seen := 0
	for range m {
		seen++
	}
	return seen
}
