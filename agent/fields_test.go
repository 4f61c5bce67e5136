package agent

import (
	"errors"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

type manager struct {
	mu       sync.RWMutex
	sessions map[string]int
	Tokens   sync.Map
	byID     map[int]string
	scratch  map[int]int `mapmedic:"-"`
	n        int
}

// Every map of a struct, also the unexported ones, with the lock beside it.
func TestRegisterFields(t *testing.T) {
	s := &manager{sessions: filled(100).m, byID: map[int]string{1: "a"}}
	s.Tokens.Store(1, 2)
	reg := NewRegistry()
	_, _, line, _ := runtime.Caller(0)
	if err := reg.RegisterFields(s); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range reg.list() {
		names = append(names, r.name)
		if !strings.HasSuffix(r.at, "fields_test.go:"+itoa(line+1)) {
			t.Errorf("%s at %s", r.name, r.at)
		}
	}
	if !reflect.DeepEqual(names, []string{"agent.manager.Tokens", "agent.manager.byID", "agent.manager.sessions"}) {
		t.Errorf("%v", names)
	}
	s.mu.RLock() // the lock that was found is this one: a writer has to wait for it
	found, _ := reg.lookup("agent.manager.sessions")
	if _, err := found.target.detach(task{strategy: strategySwap}, 5*time.Millisecond); !errors.Is(err, errLockTimeout) {
		t.Errorf("went past the lock: %v", err)
	}
	s.mu.RUnlock()
	medic := serve(t, reg)
	for _, strategy := range strategies {
		op := medic.begin(`{"map":"agent.manager.sessions","strategy":"` + strategy + `"` + whereFor(strategy) + `}`)
		s.mu.Lock()
		left := len(s.sessions)
		s.mu.Unlock()
		if left != 100-int(op["entries"].(float64)) {
			t.Errorf("%s: %d left, %v", strategy, left, op)
		}
		medic.end(op, "/undo")
		same(t, s.sessions, filled(100).m)
	}
	if err := reg.RegisterFields(s); !errors.Is(err, ErrDuplicate) {
		t.Errorf("twice: %v", err)
	}
}

// Which lock is chosen, and what is said when none can be.
func TestTheLockBesideAMap(t *testing.T) {
	type twoLocks struct {
		a, b sync.Mutex
		m    map[int]int
	}
	type tagged struct {
		a, b sync.Mutex
		m    map[int]int `mapmedic:"b"`
	}
	type embedded struct {
		sync.RWMutex
		m map[int]int
	}
	type pointed struct {
		mu *sync.Mutex
		m  map[int]int
	}
	type byInterface struct {
		l sync.Locker
		m map[int]int `mapmedic:"l"`
	}
	type wrongTag struct {
		mu sync.Mutex
		m  map[int]int `mapmedic:"lock"`
	}
	type noLock struct{ m map[int]int }
	type noMap struct{ mu sync.Mutex }
	type badTag struct {
		mu sync.Mutex
		n  int
		m  map[int]int `mapmedic:"n"`
	}
	type nilSync struct{ m *sync.Map }
	mu := new(sync.Mutex)
	chosen := &tagged{}
	cases := []struct {
		ptr  any
		err  error
		says string
		lock sync.Locker
	}{
		{&twoLocks{}, ErrFields, "several locks beside it (a, b)", nil},
		{chosen, nil, "", &chosen.b},
		{&embedded{}, nil, "", nil},
		{&pointed{mu: mu}, nil, "", mu},
		{&pointed{}, ErrFields, "no sync.Mutex", nil},
		{&byInterface{l: mu}, nil, "", mu},
		{&byInterface{}, ErrFields, "not a lock or is nil", nil},
		{&byInterface{l: new(sync.RWMutex).RLocker()}, ErrReadLock, "", nil},
		{&wrongTag{}, ErrFields, `"lock", which is not a field`, nil},
		{&badTag{}, ErrFields, `"n", a int, which is not a lock`, nil},
		{&noLock{}, ErrFields, "agent.noLock.m has no sync.Mutex", nil},
		{&noMap{}, ErrFields, "no map among them", nil},
		{&nilSync{}, ErrFields, "nil *sync.Map", nil},
		{&struct {
			sync.Mutex
			m *map[int]int
		}{}, ErrFields, "no map among them", nil},
		{&struct {
			sync.Mutex
			Long map[int]int
			Pad  [1]struct{ AnAnonymousTypeWithAVeryLongNameHasAStringThatNoRegistryTakesBecauseItIsOverTwoHundredBytesAnAnonymousTypeWithAVeryLongNameHasAStringThatNoRegistryTakesBecauseItIsOverTwoHundredBytes int }
		}{}, ErrName, "", nil},
		{noLock{}, ErrFields, "pointer to a struct", nil},
		{mu, ErrFields, "no map among them", nil},
		{new(int), ErrFields, "pointer to a struct", nil},
		{(*noLock)(nil), ErrNil, "", nil},
		{nil, ErrNil, "", nil},
	}
	for _, c := range cases {
		reg := NewRegistry()
		err := reg.RegisterFields(c.ptr)
		if !errors.Is(err, c.err) || (err != nil && !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%T: %v", c.ptr, err)
		}
		if n := len(reg.list()); (err == nil) != (n == 1) {
			t.Errorf("%T: %v and %d registered", c.ptr, err, n)
		}
		if err == nil && c.lock != nil && reg.list()[0].target.(*mapTarget).mu != c.lock {
			t.Errorf("%T: another lock", c.ptr)
		}
	}
}
