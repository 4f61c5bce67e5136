package prom

import (
	"net/http/httptest"
	"regexp"
	"runtime"
	"sort"
	"strconv"
	"strings"
	"testing"
)

var (
	helpLine   = regexp.MustCompile(`^# HELP ([a-z_]+) \S.*$`)
	typeLine   = regexp.MustCompile(`^# TYPE ([a-z_]+) (gauge|counter|summary)$`)
	sampleLine = regexp.MustCompile(`^([a-z_]+)(\{[a-z]+="[^"]*"\})? (\S+)$`)
)

func scrape(t *testing.T) (lines []string, values map[string]float64, kinds map[string]string) {
	t.Helper()
	answer := httptest.NewRecorder()
	Serve(answer, nil)
	values, kinds = map[string]float64{}, map[string]string{}
	lines = strings.Split(strings.TrimSuffix(answer.Body.String(), "\n"), "\n")
	for _, line := range lines {
		if m := typeLine.FindStringSubmatch(line); m != nil {
			kinds[m[1]] = m[2]
		} else if m := sampleLine.FindStringSubmatch(line); m != nil {
			value, err := strconv.ParseFloat(m[3], 64)
			if err != nil {
				t.Errorf("%q: %v", line, err)
			}
			values[m[1]+m[2]] = value
		} else if !helpLine.MatchString(line) {
			t.Errorf("not a line of the text format: %q", line)
		}
	}
	return lines, values, kinds
}

func TestEveryFamilyHasHelpThenTypeThenSamples(t *testing.T) {
	lines, _, _ := scrape(t)
	var names []string
	for i, line := range lines {
		if m := helpLine.FindStringSubmatch(line); m != nil {
			names = append(names, m[1])
			if kind := typeLine.FindStringSubmatch(lines[i+1]); kind == nil || kind[1] != m[1] {
				t.Errorf("after %q comes %q", line, lines[i+1])
			}
			if !strings.HasPrefix(lines[i+2], m[1]) {
				t.Errorf("%s has no sample", m[1])
			}
		}
	}
	if !sort.StringsAreSorted(names) {
		t.Errorf("client_golang sorts by name: %v", names)
	}
}

func TestNamesAndKindsAreClientGolangs(t *testing.T) {
	runtime.GC()
	_, values, kinds := scrape(t)
	want := map[string]string{
		"go_gc_duration_seconds": "summary", "go_goroutines": "gauge", "go_info": "gauge", "go_threads": "gauge",
		"go_memstats_alloc_bytes_total": "counter", "go_memstats_mallocs_total": "counter", "go_memstats_frees_total": "counter",
		"process_cpu_seconds_total": "counter", "process_resident_memory_bytes": "gauge", "process_virtual_memory_bytes": "gauge",
		"process_start_time_seconds": "gauge", "process_open_fds": "gauge", "process_max_fds": "gauge",
	}
	for _, stem := range []string{"alloc", "buck_hash_sys", "gc_sys", "heap_alloc", "heap_idle", "heap_inuse",
		"heap_released", "heap_sys", "mcache_inuse", "mcache_sys", "mspan_inuse", "mspan_sys", "next_gc",
		"other_sys", "stack_inuse", "stack_sys", "sys"} {
		want["go_memstats_"+stem+"_bytes"] = "gauge"
	}
	for name, kind := range want {
		if kinds[name] != kind {
			t.Errorf("%s is %q, want %q", name, kinds[name], kind)
		}
	}
	for _, q := range []string{"0", "0.25", "0.5", "0.75", "1"} {
		if _, ok := values[`go_gc_duration_seconds{quantile="`+q+`"}`]; !ok {
			t.Errorf("quantile %s is missing", q)
		}
	}
	if values[`go_info{version="`+runtime.Version()+`"}`] != 1 || values["go_gc_duration_seconds_count"] < 1 {
		t.Errorf("version or count is wrong: %v", values)
	}
	if rss := values["process_resident_memory_bytes"]; rss < 1<<20 || rss > values["process_virtual_memory_bytes"] {
		t.Errorf("resident memory %v is not plausible", rss)
	}
}
