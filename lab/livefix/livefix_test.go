package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// livefix is the program, started anew for each test: its maps are package
// variables.
func livefix(t *testing.T, args ...string) (url string) {
	t.Helper()
	c := exec.Command(os.Args[0], append(args, "--exit-with-stdin")...)
	c.Env = append(os.Environ(), "LIVEFIX_MAIN=1")
	stdin, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		if err := c.Wait(); err != nil {
			t.Errorf("the program ended with %v", err)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	var pid int
	if _, scanErr := fmt.Sscanf(line, "READY %d %s\n", &pid, &url); scanErr != nil || pid != c.Process.Pid {
		t.Fatalf("no READY with pid %d: %q, %v", c.Process.Pid, line, err)
	}
	return url
}

// TestMain is the program itself where it was started as that.
func TestMain(m *testing.M) {
	if os.Getenv("LIVEFIX_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

func ask(t *testing.T, method, url string, told any) {
	t.Helper()
	request, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", url, answer.Status)
	}
	if err := json.NewDecoder(answer.Body).Decode(told); err != nil {
		t.Fatalf("%s: %v", url, err)
	}
}

func TestNothingIsWrongWhileNobodyMendsAnything(t *testing.T) {
	ways := []walking{walkRange, walkReflect}
	if canPull {
		ways = append(ways, walkPull)
	}
	for _, how := range ways {
		url := livefix(t, "all", "--entries", "500", "--iterators", "1", "--iterator", string(how), "--walk-every", "100us")
		for round := 0; round < 3; round++ {
			var refilled map[string]figures
			ask(t, http.MethodPost, url+"/livefix/refill", &refilled)
			var said map[string][]string
			ask(t, http.MethodPost, url+"/livefix/exercise", &said)
			for name, each := range said {
				if len(each) > 0 {
					t.Errorf("%s, %s: %q", how, name, each)
				}
			}
		}
		if told := statsOf(t, url, isBusy); told.Faults != (faultCounts{}) {
			t.Errorf("%s: %+v", how, told.Faults)
		}
	}
}

// statsOf waits until the stats are such; go test's own limit ends it.
func statsOf(t *testing.T, url string, such func(stats) bool) (told stats) {
	t.Helper()
	for ask(t, http.MethodGet, url+"/livefix/stats", &told); !such(told); {
		time.Sleep(10 * time.Millisecond)
		ask(t, http.MethodGet, url+"/livefix/stats", &told)
	}
	return told
}

func isBusy(told stats) bool {
	for _, each := range told.Kinds {
		if each.Writes < 50 || each.Reads < 50 || each.Walked < 5 {
			return false
		}
	}
	return told.LongestGap > 0
}

func TestALockIsHeldAsLongAsItWasAskedFor(t *testing.T) {
	for _, share := range []float64{10, 90, 99} {
		url := livefix(t, "session-desk", "--entries", "100", "--gc-every", "0", "--held", fmt.Sprint(share))
		near := func(told stats) bool {
			got := told.Kinds["session-desk"].HeldShare
			return got > share-share/10 && got < share+(100-share)/10
		}
		statsOf(t, url, near)
	}
}

func smallConfig() config { return config{entries: 500, writers: 1} }

// The checks see what they are there for.
func TestFaultsAreSeen(t *testing.T) {
	c := smallConfig()
	m := map[string]*Record{}
	traffic := newTraffic(c, pointers(textKey), behindRWMutex(&desk.mu, &m)).(*traffic[string, *Record])
	w := newWriter(traffic, 0, 1, false)
	w.fill()
	before := countFaults()
	for n, damage := range map[int]func(k string){
		0: func(string) {},
		1: func(k string) { delete(m, k) },
		2: func(k string) { m[k] = m[textKey(3)] },
		4: func(k string) { m[k].Payload[0]++ },
		5: func(k string) { w.drop(5); m[k] = m[textKey(6)] },
		7: func(k string) { w.drop(7) },
		8: func(k string) { *m[k] = newRecord(m[k].Sum, m[k].Write-1, 0) },
	} {
		damage(textKey(uint64(n)))
		w.verify(n)
	}
	after := countFaults()
	// The second lies under another's key and is another's write, the fourth is changed.
	if after.Lost-before.Lost != 1 || after.Wrong-before.Wrong != 4 || after.Undead-before.Undead != 1 {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// What was there before a fix may be gone after it; what is written behind it
// may not.
func TestLossIsJudgedByGeneration(t *testing.T) {
	m := map[string]*Record{}
	traffic := newTraffic(smallConfig(), pointers(textKey), behindRWMutex(&desk.mu, &m)).(*traffic[string, *Record])
	w := newWriter(traffic, 0, 1, false)
	lost := func(n int) int64 {
		before := faults.lost.Load()
		w.verify(n)
		return faults.lost.Load() - before
	}
	w.put(0)
	generation.Add(1)
	w.put(1)
	clear(m)
	if lost(0)+lost(1) != 0 {
		t.Error("lost during a fix")
	}
	generation.Add(1)
	w.put(2)
	delete(m, textKey(2))
	if lost(0)+lost(1) != 0 || lost(2) != 1 {
		t.Error("lost after a fix: not the one that was written after it")
	}
}

func TestAnIteratorThatYieldsWhatIsGoneIsSeen(t *testing.T) {
	m := map[int64]Plain{1: {}}
	p := behindMutex(&sync.Mutex{}, &m)
	told := func(_ int64, _ Plain, here bool) bool { return here }
	p.read.Lock()
	defer p.read.Unlock()
	if !p.step(1, Plain{}, told) {
		t.Error("an entry is said to be gone")
	}
	delete(m, 1)
	if p.step(1, Plain{}, told) {
		t.Error("a deleted entry is said to be there")
	}
}

func TestEveryKeyHasAChecksumOfItsOwn(t *testing.T) {
	seen := map[uint64]bool{}
	for n := uint64(0); n < 3000; n++ {
		seen[sum(textKey(n))], seen[sum(pointKey(n))] = true, true
		seen[sum(wideKey(n))], seen[sum(numberKey(n))] = true, true
	}
	if len(seen) != 4*3000 {
		t.Errorf("%d checksums of %d keys", len(seen), 4*3000)
	}
}

func TestBeginAndEndTakeTurns(t *testing.T) {
	server := httptest.NewServer(bench{}.handler())
	defer server.Close()
	var first, second marked
	ask(t, http.MethodPost, server.URL+"/livefix/begin", &first)
	if again, err := http.Post(server.URL+"/livefix/begin", "", nil); err != nil || again.StatusCode != http.StatusConflict {
		t.Errorf("begun twice: %v, %v", again, err)
	}
	ask(t, http.MethodPost, server.URL+"/livefix/end", &second)
	if !isFix(first.Generation) || second.Generation != first.Generation+1 {
		t.Errorf("%+v, then %+v", first, second)
	}
}

func TestBadUsage(t *testing.T) {
	for _, args := range []string{
		"", "nothing", "all --held 100", "all --writers 0 --deleters 0", "all --iterator moon", "all more",
		"small-flags,small-flags", "all --entries 2", "all --hold-for 0s",
	} {
		var out, complaint bytes.Buffer
		if code := run(context.Background(), strings.Fields(args), &out, &complaint); code != exitUsage {
			t.Errorf("%q: exit %d", args, code)
		}
		if out.Len() > 0 || !strings.Contains(complaint.String(), "session-desk") {
			t.Errorf("%q: %q, %q", args, out.String(), complaint.String())
		}
	}
}
