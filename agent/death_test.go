package agent

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type sentinel struct{ _ [64]byte }

// After a commit the detached entries are garbage: a finalizer on one of them
// runs. Nothing of the agent, its history or its timers keeps them alive.
func TestTheDetachedMapReallyDies(t *testing.T) {
	var died atomic.Int32
	watched := func() *sentinel {
		s := new(sentinel)
		runtime.SetFinalizer(s, func(*sentinel) { died.Add(1) })
		return s
	}
	m := map[string]*sentinel{"a": watched()}
	var sm sync.Map
	sm.Store("a", watched())
	var mu sync.Mutex
	reg := NewRegistry()
	if err := RegisterMapIn(reg, "map", &m, &mu); err != nil {
		t.Fatal(err)
	}
	if err := reg.RegisterSyncMap("sync", &sm); err != nil {
		t.Fatal(err)
	}
	medic := serve(t, reg)
	for i, name := range []string{"map", "sync"} {
		op := medic.detach(name)
		runtime.GC()
		runtime.GC()
		if int(died.Load()) != i {
			t.Fatalf("%s: dead while it was held", name)
		}
		medic.raw("GET", path(op, "/entries?lossy=1"), "") // a stream must keep nothing either
		if status, answer := medic.do("POST", path(op, "/commit"), ""); status != 200 {
			t.Fatal(answer)
		}
		waitFor(t, name+" to die", func() bool { runtime.GC(); return int(died.Load()) == i+1 })
	}
	runtime.KeepAlive(reg)
	runtime.KeepAlive(&m)
}

// collected is not a guess: as long as somebody keeps the detached set it is
// false, and it turns true when the set dies after all.
func TestCollectedSaysWhatTheCollectorDid(t *testing.T) {
	for _, strategy := range []string{strategySwap, strategyShrink, strategyEvict} { // each has a set of its own kind
		s := filled(200)
		reg := s.register(t, "m")
		target, _ := reg.lookup("m")
		op, err := reg.desk.begin(order{reg: target, task: taskFor(t, strategy, target.target.types()), hold: time.Minute, log: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		kept := op.data
		if op.view().Collected != nil {
			t.Errorf("%s: collected while it is held", strategy)
		}
		if err := op.commit(true); err != nil {
			t.Fatal(err)
		}
		if dead := op.view().Collected; dead == nil || *dead {
			t.Errorf("%s: a set that is kept is called dead", strategy)
		}
		runtime.KeepAlive(kept)
		kept = nil
		waitFor(t, strategy+" to be collected", func() bool { runtime.GC(); return *op.view().Collected })
	}
}

func TestCollectedIsUnknownWithoutACollection(t *testing.T) {
	s := filled(200)
	medic := serve(t, s.register(t, "m"))
	op := medic.detach("m")
	if _, done := medic.do("POST", path(op, "/undo"), ""); done["collected"] != nil {
		t.Errorf("%v", done)
	}
	if _, done := medic.do("POST", path(medic.detach("m"), "/commit"), `{"return_memory":false}`); done["collected"] != nil && done["collected"] != true {
		t.Errorf("%v", done)
	}
}
