package agent

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

const tableFile = "../docs/reference/agent-strategies.md"

// The table in the reference says what the code says, word by word.
func TestTheTable(t *testing.T) {
	raw, err := os.ReadFile(tableFile)
	if os.IsNotExist(err) {
		t.Skip("the module was taken without its documentation")
	}
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "`MAPMEDIC_WRITE_DOCS=1 go test -run TestTheTable ./...` in agent/ -->\n", "<!-- end of table -->"
	head, rest, found := strings.Cut(string(raw), begin)
	written, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatal("the marks of the table are gone")
	}
	want := table()
	if written == want {
		return
	}
	if os.Getenv("MAPMEDIC_WRITE_DOCS") == "" {
		t.Fatalf("the table is stale; MAPMEDIC_WRITE_DOCS=1 writes it:\n%s", want)
	}
	if err := os.WriteFile(tableFile, []byte(head+begin+want+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}

func table() string {
	columns := []struct {
		title string
		of    situation
	}{
		{"`map`, Go 1.21 and newer", situation{kind: kindMap, counted: true}},
		{"`map` of 1,000,000 entries", situation{kind: kindMap, counted: true, seen: view{entries: 1000000}}},
		{"nil `map`", situation{kind: kindMap, counted: true, seen: view{isNil: true}}},
		{"`sync.Map`, Go 1.24 and newer", situation{kind: kindSyncMap}},
		{"`sync.Map`, Go 1.21 to 1.23", situation{kind: kindSyncMap, oldSyncMap: true}},
	}
	var b strings.Builder
	b.WriteString("| strategy |")
	for _, c := range columns {
		b.WriteString(" " + c.title + " |")
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(columns)) + "\n")
	for _, strategy := range strategies {
		b.WriteString("| `" + strategy + "` |")
		for _, c := range columns {
			cell := supports(c.of, task{strategy: strategy, maxHold: defaultLockHold})
			fmt.Fprintf(&b, " %s: %s |", map[bool]string{true: "works", false: "refused"}[cell.Supported], cell.Why)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// Every cell that can be tried on this Go version: an operation is begun where
// the code says it works and refused where it says it is not, and an undo
// brings back what was there.
func TestEveryCellDoesWhatItSays(t *testing.T) {
	var none map[string]int
	var mu sync.Mutex
	small, large, old := filled(300), filled(300000), new(sync.Map)
	for i := 0; i < 300; i++ {
		old.Store(keyOf(i), i)
	}
	reg := NewRegistry()
	for _, err := range []error{
		RegisterMapIn(reg, "small", &small.m, &small.mu), RegisterMapIn(reg, "large", &large.m, &large.mu),
		RegisterMapIn(reg, "nil", &none, &mu), reg.RegisterSyncMap("sync", old),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	medic := serve(t, reg)
	_, listed := medic.do("GET", "/debug/mapmedic/v1/maps", "")
	for _, m := range listed["maps"].([]any) {
		m := m.(map[string]any)
		for _, strategy := range strategies {
			says := m["strategies"].(map[string]any)[strategy].(map[string]any)
			body := fmt.Sprintf(`{"map":%q,"strategy":%q%s}`, m["name"], strategy, whereFor(strategy))
			_, plan := medic.do("POST", "/debug/mapmedic/v1/plan", body)
			status, op := medic.do("POST", "/debug/mapmedic/v1/operations", body)
			want := map[bool]int{true: 201, false: 422}[says["supported"].(bool)]
			if status != want || plan["supported"] != says["supported"] {
				t.Errorf("%s: %d, plan %v, listed %v", body, status, plan["supported"], says)
			}
			if status != 201 {
				if message := op["error"].(map[string]any)["message"]; message != says["why"] || plan["why"] != says["why"] {
					t.Errorf("%s: refused with %q, listed %q", body, message, says["why"])
				}
				continue
			}
			if status, done := medic.do("POST", path(op, "/undo"), ""); status != 200 {
				t.Errorf("%s: undo %d %v", body, status, done)
			}
		}
	}
	same(t, small.copy(), filled(300).m)
	same(t, large.copy(), filled(300000).m)
	left := map[string]int{}
	old.Range(func(k, v any) bool { left[k.(string)] = v.(int); return true })
	same(t, left, filled(300).m)
}

func whereFor(strategy string) string {
	if strategy == strategyEvict {
		return `,"where":[{"on":"key","op":"prefix","value":"key-1"}]`
	}
	return ""
}

func (c *client) begin(body string) map[string]any {
	c.t.Helper()
	status, op := c.do("POST", "/debug/mapmedic/v1/operations", body)
	if status != 201 {
		c.t.Fatalf("%s: %d %v", body, status, op)
	}
	return op
}

func (c *client) end(op map[string]any, verb string) map[string]any {
	c.t.Helper()
	status, done := c.do("POST", path(op, verb), "")
	if status != 200 {
		c.t.Fatalf("%s: %d %v", verb, status, done)
	}
	return done
}

func nanos(op map[string]any) time.Duration { return time.Duration(op["lock_hold_ns"].(float64)) }
