package agent

import (
	"fmt"
	"math/rand"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

func taskFor(t *testing.T, strategy string, of types) task {
	t.Helper()
	what := task{strategy: strategy, maxHold: longestLockHold}
	if strategy != strategyEvict {
		return what
	}
	m, err := newMatcher(mustParse(t, `[{"on":"key","op":"prefix","value":"key-1"}]`), of, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	what.matcher = m
	return what
}

// fitsTask is what the strategies are to take out, said a second time.
func fitsTask(strategy, key string) bool {
	switch strategy {
	case strategyShrink:
		return false
	case strategyEvict:
		return strings.HasPrefix(key, "key-1")
	}
	return true
}

// Random histories against a model: nothing is lost, nothing is invented, and
// the counts of the operation are those of the model.
func TestRandomHistoriesAgainstAModel(t *testing.T) {
	for seed := int64(1); seed <= 60; seed++ {
		random := rand.New(rand.NewSource(seed))
		size := []int{0, 1, 50, 3000, 30000}[random.Intn(5)]
		if testing.Short() {
			size = min(size, 3000)
		}
		s, model := filled(size), filled(size).m
		reg, name := s.register(t, "m"), "m"
		if seed%2 == 0 { // the types are then known to reflection only
			if err := reg.RegisterFields(s); err != nil {
				t.Fatal(err)
			}
			name = "agent.store.m"
		}
		target, _ := reg.lookup(name)
		write := func() {
			for n := random.Intn(2 * (size + 1)); n > 0; n-- {
				if k := keyOf(random.Intn(2*size + 1)); random.Intn(3) == 0 {
					delete(s.m, k)
					delete(model, k)
				} else {
					s.m[k], model[k] = n, n
				}
			}
		}
		for round := 0; round < 4; round++ {
			write()
			strategy := strategies[random.Intn(len(strategies))]
			story := fmt.Sprintf("seed %d, size %d, round %d, %s", seed, size, round, strategy)
			op, err := reg.desk.begin(order{reg: target, task: taskFor(t, strategy, target.target.types()), hold: time.Minute, log: quiet()})
			if err != nil {
				t.Fatal(story, err)
			}
			held := map[string]int{}
			for k, v := range model {
				if fitsTask(strategy, k) {
					held[k] = v
					delete(model, k)
				}
			}
			same(t, s.m, model)
			streamed, next := map[string]int{}, op.data.walk()
			for key, value, more := next(); more; key, value, more = next() {
				streamed[key.String()] = int(value.Int())
			}
			same(t, streamed, held)
			write()
			newer := 0
			if random.Intn(2) == 0 {
				err = op.commit(false)
			} else {
				for k, v := range held {
					if _, there := model[k]; there {
						newer++
					} else {
						model[k] = v
					}
				}
				err = op.undo(stateUndone)
			}
			v := op.view()
			if err != nil || v.Entries != len(held) || v.Merged+v.KeptNewer+v.Dropped != len(held) || v.KeptNewer != newer || !v.Complete {
				t.Fatalf("%s: %v %+v, %d held, %d newer", story, err, v, len(held), newer)
			}
			same(t, s.m, model)
			if t.Failed() {
				t.Fatal(story)
			}
		}
	}
}

// Readers and writers never stop. Keys that nobody touches come back as they
// were, keys that are written hold the last value written, and there is no other.
func TestEveryStrategyUnderReadersAndWriters(t *testing.T) {
	for _, strategy := range strategies {
		t.Run(strategy, func(t *testing.T) {
			const stable, written = 4000, 200
			s := filled(stable)
			reg := s.register(t, "m")
			target, _ := reg.lookup("m")
			quit := make(chan struct{})
			var crowd sync.WaitGroup
			last := make([]int, 2)
			for w := range last {
				crowd.Add(1)
				go func(w int) {
					defer crowd.Done()
					for i := 1; ; i++ {
						select {
						case <-quit:
							return
						default:
							s.set(fmt.Sprintf("w%d-%d", w, i%written), i)
							last[w] = i
							time.Sleep(time.Microsecond)
						}
					}
				}(w)
			}
			misses := 0
			crowd.Add(1)
			go func() {
				defer crowd.Done()
				for i := 0; ; i++ {
					select {
					case <-quit:
						return
					default:
						s.mu.RLock()
						if _, there := s.m[keyOf(i%stable)]; !there {
							misses++
						}
						s.mu.RUnlock()
						time.Sleep(time.Microsecond)
					}
				}
			}()
			var longest time.Duration
			for round := 0; round < 3; round++ {
				op, err := reg.desk.begin(order{reg: target, task: taskFor(t, strategy, target.target.types()), hold: time.Minute, log: quiet()})
				if err != nil {
					t.Fatal(err)
				}
				if err := op.undo(stateUndone); err != nil {
					t.Fatal(err)
				}
				longest = max(longest, op.lockHold)
				if found, err := target.target.count(op.task); err != nil || found.partial != nil || found.scanned < stable {
					t.Errorf("a dry run beside readers and writers: %+v %v", found, err)
				}
			}
			close(quit)
			crowd.Wait()
			want := filled(stable).m
			for w, n := range last {
				for i := max(1, n-written+1); i <= n; i++ {
					want[fmt.Sprintf("w%d-%d", w, i%written)] = i
				}
			}
			same(t, s.copy(), want)
			if strategy == strategyShrink && misses > 0 {
				t.Errorf("readers missed %d entries during a shrink", misses)
			}
			t.Logf("longest hold %v", longest)
		})
	}
}

// A walk that cannot have the lock half way keeps what it has and says so.
func TestAWalkThatIsCutShortLosesNothing(t *testing.T) {
	s := filled(20000)
	target := newMapTarget(reflect.ValueOf(&s.m).Elem(), &s.mu)
	replaced := false
	held := newHeld(target)
	err := target.scan(target.writing(), task{}).run(time.Minute, func(most int) {
		held.reserve(most)
		if held.size > 5000 && !replaced {
			s.mu.Lock()
			s.m, replaced = map[string]int{"new": 1}, true
			s.mu.Unlock()
		}
	}, func(cursor *reflect.MapIter) {
		into := held.next()
		key, _ := into.put(cursor)
		target.now().SetMapIndex(key, reflect.Value{})
		held.keep()
	})
	if err != errReplaced || held.size < 5000 || held.size >= 20000 {
		t.Fatalf("%v after %d", err, held.size)
	}
	held.tidy()
	if done, err := held.restore(time.Now().Add(time.Minute)); err != nil || done.merged != held.size || len(s.m) != held.size+1 {
		t.Errorf("%v %+v, %d in the map, %d held", err, done, len(s.m), held.size)
	}
}

func TestADeleteWhoseLockIsTakenAwayHoldsWhatItHas(t *testing.T) {
	s := filled(20000)
	lock := &stubborn{after: 4}
	target := newMapTarget(reflect.ValueOf(&s.m).Elem(), lock)
	out, err := target.detach(task{strategy: strategyDelete}, time.Second)
	if err != nil || out.partial == nil || out.entries.len() == 0 || out.entries.len()+len(s.m) != 20000 {
		t.Fatalf("%v %+v, %d left", err, out, len(s.m))
	}
	lock.after = 1 << 30
	if done, err := out.entries.restore(time.Now().Add(time.Minute)); err != nil || done.merged == 0 {
		t.Errorf("%+v %v", done, err)
	}
	same(t, s.m, filled(20000).m)
}

// stubborn is a lock that panics once it has been taken a few times.
type stubborn struct {
	sync.Mutex
	after int
}

func (l *stubborn) TryLock() bool {
	if l.after--; l.after < 0 {
		panic("no more")
	}
	return l.Mutex.TryLock()
}

func TestNaNIsSkippedByDeleteAndTakenByClear(t *testing.T) {
	for strategy, want := range map[string][2]int{strategyDelete: {1, 30}, strategyClear: {31, 0}} {
		m := nans(30)
		target := newMapTarget(reflect.ValueOf(&m).Elem(), new(sync.Mutex))
		out, err := target.detach(task{strategy: strategy, maxHold: time.Second}, time.Second)
		if err != nil || out.entries.len() != want[0] || out.skipped != want[1] || len(m) != want[1] {
			t.Errorf("%s: %v %+v, %d left", strategy, err, out, len(m))
		}
		if _, err := out.entries.restore(time.Now().Add(time.Minute)); err != nil || len(m) != 31 {
			t.Errorf("%s: %v, %d after undo", strategy, err, len(m))
		}
	}
}

// A key taken out twice returns with its later value.
func TestTheLaterValueWinsInWhatIsHeld(t *testing.T) {
	m := map[string]int{"k": 1}
	target := newMapTarget(reflect.ValueOf(&m).Elem(), new(sync.Mutex))
	held := newHeld(target)
	for _, value := range []int{1, 2} {
		m["k"] = value
		held.reserve(1)
		held.fill(target.now(), always)
	}
	delete(m, "k")
	if done, err := held.restore(time.Now().Add(time.Minute)); err != nil || m["k"] != 2 || done.merged != 1 || done.keptNewer != 1 {
		t.Errorf("%v %+v %v", m, done, err)
	}
}
