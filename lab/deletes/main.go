// Command deletes holds maps of every kind of key and of element, and does to
// them what it is told, one command a line: what a delete from outside does is
// held against what the runtime's own does to the same map.
//
//	delete KIND OF REST     delete the keys n with n mod OF == REST
//	clear KIND
//	check KIND OF REST      tell what is wrong, if just these keys are to be gone
//	range KIND              begin a range and stop in it after one entry
//	hold KIND               begin one by reflection, which is kept on the heap
//	end KIND                end that range, and tell how many entries it had
//	exercise KIND           grow, shrink, copy, clear and fill it again
//	collect KIND            collect garbage, which never happens otherwise
//
// Each is answered with one line, "ok" where nothing is wrong.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "deletes ENTRIES")
		os.Exit(2)
	}
	entries, err := strconv.Atoi(os.Args[1])
	if err != nil || entries < 1 {
		fmt.Fprintln(os.Stderr, "deletes ENTRIES")
		os.Exit(2)
	}
	debug.SetGCPercent(-1)
	maps := map[string]subject{}
	for name, begin := range kinds {
		maps[name] = begin(entries)
	}
	places := map[string]uintptr{}
	for name, m := range maps {
		places[name] = m.address()
	}
	if err := json.NewEncoder(os.Stdout).Encode(places); err != nil {
		os.Exit(70)
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(answer(maps, strings.Fields(lines.Text())))
	}
	held = maps
}

// held keeps the maps reachable to the end.
var held map[string]subject

func answer(maps map[string]subject, words []string) string {
	if len(words) < 2 || maps[words[1]] == nil {
		return "no such command, or kind"
	}
	m := maps[words[1]]
	var of, rest uint64
	if len(words) == 4 {
		of, _ = strconv.ParseUint(words[2], 10, 64)
		rest, _ = strconv.ParseUint(words[3], 10, 64)
	}
	gone := func(n uint64) bool { return of > 0 && n%of == rest }
	switch words[0] {
	case "delete":
		m.delete(gone)
	case "clear":
		m.clear()
	case "check":
		return m.check(gone)
	case "exercise":
		return m.exercise()
	case "range":
		m.begin()
	case "hold":
		m.hold()
	case "end":
		return m.end()
	case "collect":
		debug.FreeOSMemory()
	}
	return "ok"
}
