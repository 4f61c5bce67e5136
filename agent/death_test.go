package agent

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
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
