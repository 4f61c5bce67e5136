package agent

import "fmt"

// The strategies of the agent. What each of them does with each kind of
// container is written down in supports and nowhere else in code; the table in
// docs/reference/agent-strategies.md is checked against it by a test.
const (
	strategySwap   = "swap"
	strategyShrink = "shrink"
	strategyClear  = "clear"
	strategyDelete = "delete"
	strategyEvict  = "evict"
)

var strategies = []string{strategySwap, strategyShrink, strategyClear, strategyDelete, strategyEvict}

// situation is what the answer to "does this strategy work here" depends on.
type situation struct {
	kind       string
	seen       view
	counted    bool // whether seen is known: a busy lock hides it
	oldSyncMap bool
}

// supports says whether a strategy works on a container, and why.
func supports(s situation, what task) strategyView {
	if s.seen.isNil {
		return strategyView{false, errNilMap.Error()}
	}
	if s.kind == kindSyncMap {
		return syncMapSupports(s, what)
	}
	switch what.strategy {
	case strategySwap:
		return strategyView{true, "one pointer write under the registered lock, whatever the number of entries"}
	case strategyShrink:
		return copying(s, what, "every entry is copied into a map of the right size in one hold of the lock")
	case strategyClear:
		return copying(s, what, "every entry is copied out and the map is cleared in one hold of the lock; the bucket arrays stay")
	case strategyDelete:
		return strategyView{true, "every entry leaves in chunks, each a hold of about a millisecond; the bucket arrays stay"}
	case strategyEvict:
		return strategyView{true, "the entries that fit `where` leave in chunks, each a hold of about a millisecond; the bucket arrays stay"}
	}
	return strategyView{false, "there is no such strategy"}
}

// copying is the answer for what cannot be done in chunks.
func copying(s situation, what task, how string) strategyView {
	if err := overlong(what, s.seen.entries); s.counted && err != nil {
		return strategyView{false, err.Error()}
	}
	return strategyView{true, fmt.Sprintf("%s, given up without a change after %v (max_lock_hold_ms)", how, what.maxHold)}
}

func syncMapSupports(s situation, what task) strategyView {
	switch what.strategy {
	case strategySwap:
		return strategyView{true, "every entry leaves by LoadAndDelete into a side store, without any lock of yours"}
	case strategyClear:
		return strategyView{false, "sync.Map.Clear drops what is stored meanwhile without handing it over; swap and delete drain it and lose nothing"}
	case strategyDelete:
		return strategyView{true, "the same as swap: every entry leaves by LoadAndDelete into a side store"}
	case strategyEvict:
		return strategyView{true, "the entries that fit `where` leave one by one into a side store, each only as long as it holds the value that fits"}
	case strategyShrink:
		if s.oldSyncMap {
			return strategyView{false, "the bucket array of this sync.Map (before Go 1.24) is out of reach: a copy cannot take its place without a race"}
		}
		return strategyView{false, "unnecessary: this sync.Map (Go 1.24 and newer) is a hash trie and gives its nodes back as entries leave"}
	}
	return strategyView{false, "there is no such strategy"}
}
