package guide

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	_ "net/http/pprof"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"runtime"
	"runtime/pprof"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// helper names what a process that a test starts anew has to do.
const helper = "MAPMEDIC_GUIDE_HELPER"

func TestMain(m *testing.M) {
	switch os.Getenv(helper) {
	case "finalizer on a map":
		owner := make(map[int]int)
		runtime.SetFinalizer(owner, func(map[int]int) {})
	case "finalizer at the end":
		owner := new(item)
		runtime.SetFinalizer(owner, func(*item) { fmt.Println("collected") })
	case "gctrace":
		live, garbage := make([]byte, 64<<20), make([]byte, 64<<20)
		touch(live)
		touch(garbage)
		runtime.KeepAlive(garbage)
		runtime.GC()
		runtime.KeepAlive(live)
	default:
		os.Exit(m.Run())
	}
}

func touch(pages []byte) {
	for i := 0; i < len(pages); i += 4096 {
		pages[i] = 1
	}
}

// again runs this test's program once more to do one thing, and returns what it printed.
func again(what string, more ...string) (string, error) {
	command := exec.Command(os.Args[0])
	command.Env = append(append(os.Environ(), helper+"="+what), more...)
	printed, err := command.CombinedOutput()
	return string(printed), err
}

// Chapter 1: GET /debug/pprof/memstats. There is no such page; MemStats is the end of heap?debug=1.
func TestMemStatsIsThePartOfAnotherPage(t *testing.T) {
	server := httptest.NewServer(http.DefaultServeMux)
	defer server.Close()
	for path, want := range map[string]int{"memstats?debug=1": 404, "heap?debug=1": 200} {
		answer, err := http.Get(server.URL + "/debug/pprof/" + path)
		if err != nil {
			t.Fatal(err)
		}
		page, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %s", path, answer.Status)
		}
		if want == 200 && !bytes.Contains(page, []byte("# HeapAlloc = ")) {
			t.Errorf("%s has no MemStats", path)
		}
	}
}

type sessionManagerOfTheGuide struct{ sessionsFieldOfTheGuide map[int]*item }

// 2.4 and 4.1: runtime.makemap and the field's name show in the profile. Neither does.
func TestTheHeapProfileShowsNeitherMapGrowthNorFieldNames(t *testing.T) {
	defer func(rate int) { runtime.MemProfileRate = rate }(runtime.MemProfileRate)
	runtime.MemProfileRate = 1
	manager := &sessionManagerOfTheGuide{filled()}
	runtime.GC()
	var file bytes.Buffer
	if err := pprof.Lookup("heap").WriteTo(&file, 0); err != nil {
		t.Fatal(err)
	}
	unzipped, err := gzip.NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	profile, _ := io.ReadAll(unzipped)
	if !bytes.Contains(profile, []byte("guide.filled")) {
		t.Fatal("the function that fills the map is not in the profile")
	}
	for _, name := range []string{"runtime.makemap", "runtime.mapassign", "runtime.hashGrow", "internal/runtime/maps.", "sessionsFieldOfTheGuide"} {
		if bytes.Contains(profile, []byte(name)) {
			t.Errorf("%s shows: %s hides it no more", name, runtime.Version())
		}
	}
	runtime.KeepAlive(manager)
}

// 3.1: sync.Map has sharded locks. It has one lock and a read-only copy up to Go 1.23, a hash trie from 1.24.
func TestSyncMapHasNoShards(t *testing.T) {
	kind := reflect.TypeOf(sync.Map{})
	for i := 0; i < kind.NumField(); i++ {
		field := kind.Field(i)
		t.Logf("%s: %s %s", runtime.Version(), field.Name, field.Type)
		if field.Type.Kind() == reflect.Slice || field.Type.Kind() == reflect.Array && field.Type.Len() > 1 {
			t.Errorf("%s could be shards: %s", field.Name, field.Type)
		}
	}
}

// 4.2: reflect.Value.MapDelete. There is no such method; SetMapIndex with the zero Value deletes.
func TestReflectDeletesBySetMapIndex(t *testing.T) {
	if _, has := reflect.TypeOf(reflect.Value{}).MethodByName("MapDelete"); has {
		t.Error("it has one")
	}
	m := map[string]int{"a": 1, "b": 2}
	reflect.ValueOf(m).SetMapIndex(reflect.ValueOf("a"), reflect.Value{})
	if _, there := m["a"]; there || len(m) != 1 {
		t.Errorf("left: %v", m)
	}
}

// 4.3: SetFinalizer on a map does not compile. It compiles (this file does), and kills the process when it runs.
func TestAFinalizerOnAMapKillsTheProcess(t *testing.T) {
	printed, err := again("finalizer on a map")
	if err == nil || !strings.Contains(printed, "not pointer") {
		t.Errorf("it ended with %v: %s", err, printed)
	}
}

// 4.3: a finalizer proves that a map died. It need not run at all.
func TestAFinalizerNeedNotRun(t *testing.T) {
	printed, err := again("finalizer at the end")
	if err != nil || strings.Contains(printed, "collected") {
		t.Errorf("it ended with %v: %s", err, printed)
	}
}

// 2.3 and 4.4: gctrace's scvg lines, and 12->12->8 MB as before, during and after marking. The lines are gone
// since Go 1.13; the figures are the heap when the collection starts, when marking ends, and what of it is live.
func TestGCTrace(t *testing.T) {
	printed, err := again("gctrace", "GODEBUG=gctrace=1")
	if err != nil {
		t.Fatal(err, printed)
	}
	if strings.Contains(printed, "scvg") {
		t.Errorf("scvg lines are back: %s", printed)
	}
	found := regexp.MustCompile(`(\d+)->(\d+)->(\d+) MB.*forced`).FindStringSubmatch(printed)
	if found == nil {
		t.Fatalf("no forced collection in: %s", printed)
	}
	atStart, _ := strconv.Atoi(found[1])
	live, _ := strconv.Atoi(found[3])
	if atStart < 128 || live < 64 || live > 72 {
		t.Errorf("128 MB at the start and 64 MB live are shown as %s", found[0])
	}
}
