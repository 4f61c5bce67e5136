package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

func TestReadmeTableIsTheList(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.+) \\| `([a-z_]+)` \\|$").FindAllStringSubmatch(string(readme), -1)
	var list struct{ Scenarios []listed }
	var out bytes.Buffer
	if code := run(context.Background(), []string{"--list", "--json"}, &out, &out); code != exitDone {
		t.Fatalf("--list --json: exit %d", code)
	}
	if err := json.Unmarshal(out.Bytes(), &list); err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(list.Scenarios) {
		t.Fatalf("README has %d scenarios, --list %d", len(rows), len(list.Scenarios))
	}
	for i, s := range list.Scenarios {
		if row := rows[i]; row[1] != s.Name || row[2] != s.Sentence || row[3] != s.ExpectedVerdict {
			t.Errorf("README says %q, --list says %+v", row[1:], s)
		}
	}
}

func TestExitCodes(t *testing.T) {
	cases := []struct {
		args   string
		code   int
		stdout string
		stderr string
	}{
		{"", exitDone, "struct-field", ""},
		{"--list", exitDone, "struct-field", ""},
		{"no-such-thing", exitUsage, "", "struct-field"},
		{"struct-field sync-map", exitUsage, "", "left over"},
		{"struct-field --entries 0", exitUsage, "", "--entries"},
		{"struct-field --rate -1", exitUsage, "", "--rate"},
		{"struct-field --rate NaN", exitUsage, "", "--rate"},
		{"struct-field --value-bytes 1", exitUsage, "", "--value-bytes"},
		{"struct-field --flat-after 1s", exitUsage, "", "never warms up"},
		{"warm-up --flat-after -1s", exitUsage, "", "--flat-after"},
		{"warm-up --flat-after 25h", exitUsage, "", "--flat-after"},
		{"struct-field --no-such-flag", exitUsage, "", "no-such-flag"},
	}
	for _, c := range cases {
		var stdout, stderr bytes.Buffer
		code := run(context.Background(), strings.Fields(c.args), &stdout, &stderr)
		if code != c.code || !strings.Contains(stdout.String(), c.stdout) || !strings.Contains(stderr.String(), c.stderr) {
			t.Errorf("lab %s: exit %d\nstdout: %s\nstderr: %s", c.args, code, stdout.String(), stderr.String())
		}
		if c.stdout == "" && stdout.Len() > 0 {
			t.Errorf("lab %s: stdout is for results, not for %q", c.args, stdout.String())
		}
	}
}

func TestOptionsOverrideTheScenariosOwn(t *testing.T) {
	opts, err := parseOptions([]string{"--entries", "7", "struct-field", "--rate=0"}, &bytes.Buffer{})
	want := load{entries: 7, rate: 0, valueBytes: structField.defaults.valueBytes}
	if err != nil || opts.load != want {
		t.Errorf("got %+v, %v, want %+v", opts.load, err, want)
	}
}
