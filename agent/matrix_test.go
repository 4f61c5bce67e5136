package agent

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

// container is a column of the strategy table with a crowd on it.
type container struct {
	name   string
	stable int
	rounds int
	make   func(reg *Registry) (box, error)
}

func containers() []container {
	rounds, manyRounds := 4, 2
	if testing.Short() {
		rounds, manyRounds = 2, 1
	}
	return []container{
		{"map", 3000, rounds, func(reg *Registry) (box, error) {
			b := &plainBox{m: map[string]mark{}}
			return b, RegisterMapIn(reg, "m", &b.m, &b.mu)
		}},
		{"map found by RegisterFields", 3000, rounds, func(reg *Registry) (box, error) {
			b := &plainBox{m: map[string]mark{}}
			err := reg.RegisterFields(b)
			reg.maps["m"] = reg.maps["agent.plainBox.m"]
			return b, err
		}},
		{"large map", 90000, manyRounds, func(reg *Registry) (box, error) {
			b := &plainBox{m: map[string]mark{}}
			return b, RegisterMapIn(reg, "m", &b.m, &b.mu)
		}},
		{"sync.Map", 3000, rounds, func(reg *Registry) (box, error) {
			b := &syncBox{}
			return b, reg.RegisterSyncMap("m", &b.m)
		}},
		{"sync.Map, values not comparable", 3000, rounds, func(reg *Registry) (box, error) {
			b := &syncBox{sliced: true}
			return b, reg.RegisterSyncMap("m", &b.m)
		}},
	}
}

// cell is what a combination did, for docs/reference/agent-matrix.md.
type cell struct {
	Container string `json:"container"`
	Strategy  string `json:"strategy"`
	Outcome   string `json:"outcome"` // works or refused
	Rounds    int    `json:"rounds"`
	Taken     int    `json:"taken"`
	HoldNs    int64  `json:"hold_ns"` // the longest, undo and restore included
}

// Every strategy on every container, readers and writers never stopping: after
// an undo, and after stream, commit and restore, nothing is lost or invented.
func TestMatrix(t *testing.T) {
	for _, c := range containers() {
		for _, strategy := range strategies {
			c := c
			if c.name == "large map" && strategy == strategyClear {
				c.stable = 260000 // so many are refused
			}
			t.Run(c.name+"/"+strategy, func(t *testing.T) { record(t, tryCell(t, c, strategy)) })
		}
	}
	t.Run("nil map", func(t *testing.T) {
		for _, strategy := range strategies {
			record(t, tryNil(t, strategy))
		}
	})
}

func tryCell(t *testing.T, c container, strategy string) cell {
	done := cell{Container: c.name, Strategy: strategy, Outcome: "works"}
	reg := NewRegistry()
	b, err := c.make(reg)
	if err != nil {
		t.Fatal(err)
	}
	medic := serve(t, reg)
	crowd := gather(b, c.stable)
	defer crowd.disperse(t)
	body := fmt.Sprintf(`{"map":"m","strategy":%q%s}`, strategy, whereFor(strategy))
	if c.stable < 10000 {
		body = strings.TrimSuffix(body, "}") + patient(strategy) + "}"
	}
	for ; done.Rounds < c.rounds; done.Rounds++ {
		time.Sleep(5 * time.Millisecond) // let the crowd do something, and check what the last round left
		crowd.phase.Add(1)
		status, op := medic.do("POST", "/debug/mapmedic/v1/operations", body)
		if status == 422 {
			done.Outcome = "refused"
			crowd.phase.Add(1)
			continue
		}
		if status != 201 {
			t.Fatalf("%d %v", status, op)
		}
		done.Taken += int(op["entries"].(float64))
		time.Sleep(5 * time.Millisecond)
		end := bringBack
		if done.Rounds%2 == 0 {
			end = func(medic *client, op map[string]any) int64 { return nanos(medic.end(op, "/undo")).Nanoseconds() }
		}
		done.HoldNs = max(done.HoldNs, end(medic, op))
		crowd.phase.Add(1)
	}
	if missed := crowd.missed.Load(); strategy == strategyShrink && missed > 0 {
		t.Errorf("readers missed %d entries during a shrink", missed)
	}
	return done
}

// bringBack streams, commits and restores.
func bringBack(medic *client, op map[string]any) int64 {
	medic.t.Helper()
	status, backup := medic.raw("GET", path(op, "/entries"), "")
	_, end, err := readFrames(strings.NewReader(backup))
	if status != 200 || err != nil || end.Unencodable != 0 || float64(end.Entries) != op["entries"] {
		medic.t.Fatalf("%d %v %+v of %v", status, err, end, op["entries"])
	}
	medic.end(op, "/commit")
	status, back := medic.restore("m", backup)
	if status != 200 || back["restored"].(float64)+back["kept_newer"].(float64) != op["entries"] {
		medic.t.Fatalf("%d %v", status, back)
	}
	return max(nanos(op).Nanoseconds(), nanos(back).Nanoseconds())
}

// tryNil finds every strategy refused, and a restore at home even there.
func tryNil(t *testing.T, strategy string) cell {
	b := &plainBox{}
	reg := NewRegistry()
	if err := RegisterMapIn(reg, "m", &b.m, &b.mu); err != nil {
		t.Fatal(err)
	}
	medic := serve(t, reg)
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-quit:
				return
			default:
				b.load("k")
			}
		}
	}()
	status, answer := medic.do("POST", "/debug/mapmedic/v1/operations", fmt.Sprintf(`{"map":"m","strategy":%q%s}`, strategy, whereFor(strategy)))
	if status != 422 || b.m != nil {
		t.Errorf("%s: %d %v", strategy, status, answer)
	}
	if status, answer := medic.restore("m", framed(`{"k":"k","v":{"Key":"k","Seq":1}}`)); status != 200 {
		t.Errorf("%d %v", status, answer)
	}
	close(quit)
	<-ended
	if v, there := b.load("k"); !there || v.Seq != 1 {
		t.Error("not restored into a nil map")
	}
	return cell{Container: "nil map", Strategy: strategy, Outcome: "refused", Rounds: 1}
}

// record appends a cell to the file that tests/live/agent_matrix.py asked for.
func record(t *testing.T, c cell) {
	name := os.Getenv("MAPMEDIC_MATRIX")
	if name == "" || t.Failed() {
		return
	}
	f, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	raw, err := json.Marshal(struct {
		cell
		Go string `json:"go"`
	}{c, runtime.Version()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, string(raw)+"\n"); err != nil {
		t.Fatal(err)
	}
}
