package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// labBinary is the lab, built by the toolchain that runs the tests: names and
// lines as a profile prints them are those of package main, not of a test.
var labBinary string

func TestMain(m *testing.M) {
	if os.Getenv("LAB_WEIGH") != "" {
		os.Exit(m.Run())
	}
	os.Exit(testWithBinary(m))
}

func testWithBinary(m *testing.M) int {
	dir, err := os.MkdirTemp("", "lab")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	labBinary = filepath.Join(dir, "lab")
	if out, err := exec.Command("go", "build", "-o", labBinary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "cannot build the lab: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// process is a lab that said READY.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	stdin io.Closer
	url   string
	ended chan error
}

func startLab(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(labBinary, args...), ended: make(chan error, 1)}
	// Every allocation is sampled, so that no test waits for luck.
	p.cmd.Env = append(os.Environ(), "GODEBUG=memprofilerate=1", "MAPMEDIC_TOKEN=open sesame")
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.stdin = stdin
	stdout, err := p.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.cmd.Process.Kill() })
	p.awaitReady(bufio.NewReader(stdout))
	go func() { p.ended <- p.cmd.Wait() }()
	return p
}

func (p *process) awaitReady(stdout *bufio.Reader) {
	p.t.Helper()
	line, err := stdout.ReadString('\n')
	var pid int
	if _, scanErr := fmt.Sscanf(line, "READY %d %s\n", &pid, &p.url); scanErr != nil || pid != p.cmd.Process.Pid {
		p.t.Fatalf("no READY with pid %d: %q, %v", p.cmd.Process.Pid, line, err)
	}
}

// endsCleanly waits for exit status 0.
func (p *process) endsCleanly() {
	p.t.Helper()
	select {
	case err := <-p.ended:
		if err != nil {
			p.t.Errorf("the lab ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		p.t.Error("the lab did not end")
	}
}

func (p *process) get(path string) string {
	p.t.Helper()
	answer, err := http.Get(p.url + path)
	if err != nil {
		p.t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		p.t.Fatalf("%s: %s, %v\n%s", path, answer.Status, err, body)
	}
	return string(body)
}

func (p *process) truth() truth {
	p.t.Helper()
	var told truth
	decoder := json.NewDecoder(strings.NewReader(p.get("/lab/truth")))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&told); err != nil {
		p.t.Fatal(err)
	}
	return told
}

func TestEndsWithItsSignals(t *testing.T) {
	p := startLab(t, "bounded-lru", "--entries", "10")
	if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	p.endsCleanly()
}

func TestEndsWithItsStdin(t *testing.T) {
	p := startLab(t, "--exit-with-stdin", "bounded-lru", "--entries", "10")
	p.stdin.Close()
	p.endsCleanly()
}

func TestOutlivesItsStdinUnlessTold(t *testing.T) {
	p := startLab(t, "bounded-lru", "--entries", "10")
	p.stdin.Close()
	p.get("/healthz")
	select {
	case err := <-p.ended:
		t.Fatalf("ended with its stdin though nobody asked: %v", err)
	case <-time.After(200 * time.Millisecond):
	}
}
