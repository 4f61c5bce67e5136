package main

import (
	"fmt"
	"io"
	"sort"
)

// kinds is every map there is to be mended: name -> one sentence -> traffic.
var kinds = map[string]kind{
	"any-index":         {"keys of an interface type; the lock lies one level above, in the struct that embeds the map's", anyIndex},
	"any-tokens":        {"a sync.Map with keys of several types, and elements that cannot be compared", anyTokens},
	"closure-cards":     {"the map and its lock are variables that closures share", closureCards},
	"generic-cache":     {"a field of an instance of a generic type, its lock behind it", genericCache},
	"global-rates":      {"a package variable, its lock another one", globalRates},
	"global-tokens":     {"a sync.Map that is a package variable", globalTokens},
	"int-ledger":        {"numbers without any pointer; a mutex is embedded behind the map", intLedger},
	"lone-notes":        {"a struct without a lock: who holds it takes its own", loneNotes},
	"mirrored-desk":     {"two structs hold the same map, one with its lock and one with a lock for something else", mirroredDesk},
	"mixed-box":         {"elements of an interface type", mixedBox},
	"nested-rooms":      {"maps in a map, behind the one lock of it", nestedRooms},
	"point-grid":        {"keys that are structs; the lock is a pointer to a mutex", pointGrid},
	"session-desk":      {"text to pointers, behind an RWMutex in the same struct", sessionDesk},
	"sharded-devices":   {"sixteen maps, each with an RWMutex of its own", shardedDevices},
	"sharded-tokens":    {"sixty-four sync.Maps in one struct", shardedTokens},
	"small-flags":       {"eight entries at most, behind a mutex", smallFlags},
	"straddling-tokens": {"a sync.Map that lies on two pages of memory", straddlingTokens},
	"typed-jobs":        {"a sync.Map in an instance of a generic cache, numbers in it", typedJobs},
	"vault-tokens":      {"a sync.Map that is a field", vaultTokens},
	"wide-archive":      {"keys and elements of more than 128 bytes, which lie beside the slots", wideArchive},
}

type kind struct {
	sentence string
	start    func(config) target
}

// target is a kind of map with its traffic.
type target interface {
	// begin fills the maps and starts the traffic.
	begin()
	// refill makes every writer write all of its entries, and waits for it.
	refill()
	exercise() []string
	recipe()
	figures() figures
	truth() targetTruth
}

func kindNames() []string {
	names := make([]string, 0, len(kinds))
	for name := range kinds {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

func listKinds(w io.Writer) {
	for _, name := range kindNames() {
		fmt.Fprintf(w, "  %-16s %s\n", name, kinds[name].sentence)
	}
}
