package agent

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func request(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+testToken)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// What each verb answers after each end of an operation.
func TestStates(t *testing.T) {
	ends := []struct {
		name, verb, state string
	}{{"committed", "/commit", "committed"}, {"undone", "/undo", "undone"}}
	for _, end := range ends {
		t.Run(end.name, func(t *testing.T) {
			s := filled(5)
			medic := serve(t, s.register(t, "m"))
			op := medic.detach("m")
			if op["state"] != "detached" || op["entries"] != 5.0 || len(s.copy()) != 0 {
				t.Fatalf("after detach: %v", op)
			}
			status, done := medic.do("POST", path(op, end.verb), "")
			if status != 200 || done["state"] != end.state || done["finished_at"] == nil || done["memory_after"] == nil {
				t.Fatalf("%s: %d %v", end.verb, status, done)
			}
			for _, verb := range []string{"/commit", "/undo"} {
				if status, answer := medic.do("POST", path(op, verb), ""); status != 409 || code(answer) != "wrong_state" {
					t.Errorf("%s after %s: %d %v", verb, end.name, status, answer)
				}
			}
			if status, answer := medic.do("GET", path(op, "/entries"), ""); status != 409 || code(answer) != "wrong_state" {
				t.Errorf("entries after %s: %d %v", end.name, status, answer)
			}
			if _, shown := medic.do("GET", path(op, ""), ""); shown["state"] != end.state {
				t.Errorf("shown as %v", shown)
			}
		})
	}
}

func TestCommitWithAndWithoutReturningMemory(t *testing.T) {
	s := filled(5)
	medic := serve(t, s.register(t, "m"))
	_, done := medic.do("POST", path(medic.detach("m"), "/commit"), `{"return_memory":false}`)
	if done["dropped"] != 5.0 || done["return_memory_ns"] != nil {
		t.Errorf("without: %v", done)
	}
	_, done = medic.do("POST", path(medic.detach("m"), "/commit"), "")
	if took, ok := done["return_memory_ns"].(float64); !ok || took <= 0 {
		t.Errorf("with: %v", done)
	}
}

func TestClearCacheInOneCall(t *testing.T) {
	s := filled(7)
	medic := serve(t, s.register(t, "m"))
	for _, body := range []string{"", `{}`, `{"map":"m","return_memory":false}`} {
		status, done := medic.do("POST", "/debug/hotfix/clear-cache", body)
		if status != 200 || done["state"] != "committed" {
			t.Errorf("%q: %d %v", body, status, done)
		}
	}
	if len(s.copy()) != 0 {
		t.Error("entries are left")
	}
}

// One operation in the process, also over two registries.
func TestOneOperationAtATime(t *testing.T) {
	one, two := filled(3), filled(3)
	here, there := serve(t, one.register(t, "m")), serve(t, two.register(t, "m"))
	op := here.detach("m")
	for _, medic := range []*client{here, there} {
		for path, body := range map[string]string{
			"/debug/mapmedic/v1/operations": `{"map":"m","strategy":"swap"}`,
			"/debug/hotfix/clear-cache":     ``,
		} {
			status, answer := medic.do("POST", path, body)
			if status != 409 || code(answer) != "operation_in_progress" {
				t.Errorf("%s: %d %v", path, status, answer)
			}
		}
	}
	_, answer := there.raw("POST", "/debug/hotfix/clear-cache", "")
	if strings.Contains(answer, op["id"].(string)) {
		t.Error("another registry's operation is named")
	}
	if status, _ := here.do("POST", path(op, "/undo"), ""); status != 200 {
		t.Fatal("undo")
	}
	if status, _ := there.do("POST", path(there.detach("m"), "/undo"), ""); status != 200 {
		t.Error("the second registry had to wait and still cannot")
	}
}

// Whoever comes first ends the operation; nobody ends it twice.
func TestCommitUndoAndExpiryRace(t *testing.T) {
	for round := 0; round < 200; round++ {
		s := filled(50)
		reg := s.register(t, "m")
		target, _ := reg.lookup("m")
		op, err := reg.desk.begin(order{reg: target, task: task{strategy: strategySwap}, hold: time.Duration(round%5) * 50 * time.Microsecond, log: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		var wins [2]error
		var all sync.WaitGroup
		for i, act := range []func() error{
			func() error { return op.commit(false) },
			func() error { return op.undo(stateUndone) },
		} {
			all.Add(1)
			go func(i int, act func() error) { defer all.Done(); wins[i] = act() }(i, act)
		}
		all.Wait()
		waitFor(t, "an end", func() bool { return op.view().FinishedAt != nil })
		v, left := op.view(), len(s.copy())
		if op.nextEntries(func(detached) {}) {
			t.Fatal("entries can be read after the end")
		}
		if wins[0] == nil && wins[1] == nil {
			t.Fatal("both commit and undo say they did it")
		}
		if (v.State == stateCommitted) != (wins[0] == nil) || (v.State == stateUndone) != (wins[1] == nil) {
			t.Fatalf("state %s with %v", v.State, wins)
		}
		if want := map[bool]int{true: 0, false: 50}[v.State == stateCommitted]; left != want {
			t.Fatalf("%s leaves %d entries", v.State, left)
		}
		waitFor(t, "the desk to be free", func() bool { return occupied.Load() == nil })
	}
}

func TestHistoryIsBounded(t *testing.T) {
	s := filled(1)
	reg := s.register(t, "m")
	medic := serve(t, reg)
	first := medic.detach("m")
	medic.do("POST", path(first, "/undo"), "")
	for i := 0; i < maxFinished; i++ {
		medic.do("POST", path(medic.detach("m"), "/undo"), "")
	}
	_, answer := medic.do("GET", "/debug/mapmedic/v1/operations", "")
	if n := len(answer["operations"].([]any)); n != maxFinished {
		t.Errorf("%d operations are kept", n)
	}
	if status, answer := medic.do("GET", path(first, ""), ""); status != 404 || code(answer) != "unknown_operation" {
		t.Errorf("the oldest: %d %v", status, answer)
	}
}

// slowLock lets others in before every hold, so that a walk in chunks lasts.
type slowLock struct{ sync.Mutex }

func (l *slowLock) Lock() {
	time.Sleep(time.Millisecond)
	l.Mutex.Lock()
}

func TestUndoStopsAWalkThatIsStillTakingEntriesOut(t *testing.T) {
	const all = 300_000
	for _, body := range []string{
		`{"map":"m","strategy":"delete"}`,
		`{"map":"m","strategy":"evict","where":[{"on":"key","op":"regex","value":"."}]}`,
	} {
		s, mu := filled(all), &slowLock{}
		reg := NewRegistry()
		if err := RegisterMapIn(reg, "m", &s.m, mu); err != nil {
			t.Fatal(err)
		}
		medic := serve(t, reg)
		begun := make(chan map[string]any)
		go func() {
			_, op := medic.do("POST", "/debug/mapmedic/v1/operations", body)
			begun <- op
		}()
		size := func() int {
			mu.Mutex.Lock()
			defer mu.Mutex.Unlock()
			return len(s.m)
		}
		waitFor(t, "some entries to leave", func() bool { return size() < all })
		op := reg.desk.list()[0]
		status, undone := medic.do("POST", path(map[string]any{"id": op.id}, "/undo"), "")
		if status != 200 || undone["state"] != "undone" {
			t.Fatalf("undo during the walk: %d %v", status, undone)
		}
		if undone["complete"] != false || undone["scanned"].(float64) >= all || size() != all {
			t.Errorf("scanned %v of %d, %d are in the map", undone["scanned"], all, size())
		}
		if answer := <-begun; answer["id"] != op.id {
			t.Errorf("the caller that began was told %v", answer)
		}
	}
}
