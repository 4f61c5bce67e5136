package agent

import (
	"errors"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
)

type sessions map[string]*plainStruct

func TestRegistration(t *testing.T) {
	m, mu := map[string]int{}, sync.RWMutex{}
	var noMap *map[string]int
	var noLock *sync.Mutex
	long := strings.Repeat("x", maxNameBytes)
	cases := []struct {
		name string
		m    *map[string]int
		mu   sync.Locker
		want error
	}{
		{"ok", &m, &mu, nil},
		{"ok", &m, &mu, ErrDuplicate},
		{"größe 1/2", &m, &mu, nil},
		{long, &m, &mu, nil},
		{long + "x", &m, &mu, ErrName},
		{"", &m, &mu, ErrName},
		{"a\nb", &m, &mu, ErrName},
		{"a\x1b[31m", &m, &mu, ErrName},
		{"a\xff", &m, &mu, ErrName},
		{"no map", noMap, &mu, ErrNil},
		{"no lock", &m, nil, ErrNil},
		{"nil lock", &m, noLock, ErrNil},
		{"read side", &m, mu.RLocker(), ErrReadLock},
	}
	reg := NewRegistry()
	for _, c := range cases {
		if err := RegisterMapIn(reg, c.name, c.m, c.mu); !errors.Is(err, c.want) {
			t.Errorf("%.20q: %v, want %v", c.name, err, c.want)
		}
	}
	if err := reg.RegisterSyncMap("ok", new(sync.Map)); !errors.Is(err, ErrDuplicate) {
		t.Error(err)
	}
	if err := reg.RegisterSyncMap("s", nil); !errors.Is(err, ErrNil) {
		t.Error(err)
	}
	if err := RegisterMapIn(nil, "s", &m, &mu); !errors.Is(err, ErrNil) {
		t.Error(err)
	}
	if !reg.Unregister("ok") || reg.Unregister("ok") {
		t.Error("Unregister reports wrongly")
	}
}

func TestTheListDescribesTheMaps(t *testing.T) {
	reg, mu := NewRegistry(), new(sync.Mutex)
	s, nils, sm := sessions{"a": nil}, sessions(nil), new(sync.Map)
	sm.Store(1, 2)
	_, _, line, _ := runtime.Caller(0)
	errs := []error{
		RegisterMapIn(reg, "b", &s, mu), // line + 2
		RegisterMapIn(reg, "nil", &nils, mu),
		reg.RegisterSyncMap("a", sm), // line + 4
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	at := func(n int) string { return "registry_test.go:" + itoa(line+n) }
	_, answer := serve(t, reg).do("GET", "/debug/mapmedic/v1/maps", "")
	maps := answer["maps"].([]any)
	want := []struct {
		name, kind, typ, at string
		entries             float64
		supported           bool
	}{
		{"a", "sync.Map", "sync.Map", at(4), 1, true},
		{"b", "map", "agent.sessions", at(2), 1, true},
		{"nil", "map", "agent.sessions", at(3), 0, false},
	}
	for i, w := range want {
		got := maps[i].(map[string]any)
		swap := got["strategies"].(map[string]any)["swap"].(map[string]any)
		if got["name"] != w.name || got["kind"] != w.kind || got["type"] != w.typ || got["entries"] != w.entries ||
			!strings.HasSuffix(got["registered_at"].(string), w.at) || swap["supported"] != w.supported {
			t.Errorf("%v, want %+v", got, w)
		}
	}
}

func TestTheDefaultRegistryRemembersTheCaller(t *testing.T) {
	m, mu := map[int]int{}, sync.Mutex{}
	_, _, line, _ := runtime.Caller(0)
	if err := RegisterMap("default-map", &m, &mu); err != nil {
		t.Fatal(err)
	}
	if err := RegisterSyncMap("default-sync", new(sync.Map)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]int{"default-map": line + 1, "default-sync": line + 4} {
		reg, _ := DefaultRegistry().lookup(name)
		if !strings.HasSuffix(reg.at, "registry_test.go:"+itoa(want)) {
			t.Errorf("%s at %s", name, reg.at)
		}
		Unregister(name)
	}
}

func TestANilMapIsRefused(t *testing.T) {
	var m map[string]int
	reg := NewRegistry()
	if err := RegisterMapIn(reg, "m", &m, new(sync.Mutex)); err != nil {
		t.Fatal(err)
	}
	medic := serve(t, reg)
	status, answer := medic.do("POST", "/debug/mapmedic/v1/operations", `{"map":"m","strategy":"swap"}`)
	if status != 422 || code(answer) != "strategy_not_supported" || m != nil {
		t.Errorf("%d %v", status, answer)
	}
	status, plan := medic.do("POST", "/debug/mapmedic/v1/plan", `{"map":"m","strategy":"swap"}`)
	if status != 200 || plan["supported"] != false || len(plan["steps"].([]any)) != 0 {
		t.Errorf("%d %v", status, plan)
	}
}

// NaN is never equal to itself: entries under it can only be counted.
func TestKeysThatAreNotEqualToThemselves(t *testing.T) {
	for _, since := range []int{0, 5000} {
		m := map[float64]int{1: 1}
		for i := 0; i < 100; i++ {
			m[math.NaN()] = i
		}
		reg := NewRegistry()
		if err := RegisterMapIn(reg, "m", &m, new(sync.Mutex)); err != nil {
			t.Fatal(err)
		}
		medic := serve(t, reg)
		op := medic.detach("m")
		for i := 0; i < since; i++ {
			m[float64(i+10)] = i
		}
		if _, done := medic.do("POST", path(op, "/undo"), ""); done["merged"] != 101.0 || len(m) != 101+since {
			t.Errorf("%d entries, %v", len(m), done)
		}
	}
}

func TestAPlan(t *testing.T) {
	s := filled(12)
	_, plan := serve(t, s.register(t, "m")).do("POST", "/debug/mapmedic/v1/plan", `{"map":"m","strategy":"swap"}`)
	trip := plan["round_trip"].(map[string]any)
	if plan["schema"] != planSchema || plan["supported"] != true || plan["entries"] != 12.0 ||
		trip["lossless"] != true || len(trip["losses"].([]any)) != 0 || len(plan["steps"].([]any)) < 4 {
		t.Errorf("%v", plan)
	}
	if len(s.copy()) != 12 {
		t.Error("a plan changed the map")
	}
}

func itoa(n int) string {
	if n < 10 {
		return string(rune('0' + n))
	}
	return itoa(n/10) + string(rune('0'+n%10))
}
