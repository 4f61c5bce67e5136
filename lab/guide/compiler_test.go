package guide

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// build compiles files (name -> text) as a module of their own and returns what the compiler said.
func build(t *testing.T, files map[string]string, words ...string) (string, error) {
	t.Helper()
	folder := t.TempDir()
	files["go.mod"] = "module example\n\ngo 1.21\n"
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := exec.Command("go", append([]string{"build"}, words...)...)
	command.Dir = folder
	said, err := command.CombinedOutput()
	return string(said), err
}

// 2.5: -S shows CALL runtime.makemap, and the header is on the stack. A map that is returned is made by
// makemap_small and its header is on the heap; one that stays has neither a call nor an allocation.
func TestWhatTheCompilerMakesOfMakeMap(t *testing.T) {
	returned := "package example\n\nfunc F() map[string]int { m := make(map[string]int); m[\"key\"] = 42; return m }\n"
	stays := "package example\n\nfunc F() int { m := make(map[string]int); m[\"key\"] = 42; return m[\"key\"] }\n"
	for _, each := range []struct {
		name, text, escape string
		small              bool
	}{
		{"returned", returned, "make(map[string]int) escapes to heap", true},
		{"stays", stays, "make(map[string]int) does not escape", false},
	} {
		t.Run(each.name, func(t *testing.T) {
			said, err := build(t, map[string]string{"f.go": each.text}, "-gcflags=-S -m")
			if err != nil {
				t.Fatal(err, said)
			}
			if strings.Contains(said, "runtime.makemap(SB)") {
				t.Error("it calls runtime.makemap")
			}
			if strings.Contains(said, "runtime.makemap_small(SB)") != each.small {
				t.Errorf("a call of runtime.makemap_small: %t", !each.small)
			}
			if !strings.Contains(said, each.escape) {
				t.Errorf("the compiler does not say: %s", each.escape)
			}
		})
	}
}

// 3.3: builds with env_stable and env_canary live side by side. Each compiles, both together do not.
func TestBothBuildTagsAtOnceDoNotCompile(t *testing.T) {
	file := func(tag string) string {
		return "//go:build " + tag + "\n\npackage example\n\nvar DataMap = make(map[string]any)\n"
	}
	for tags, compiles := range map[string]bool{"env_stable": true, "env_canary": true, "env_stable,env_canary": false} {
		files := map[string]string{"s.go": file("env_stable"), "c.go": file("env_canary")}
		said, err := build(t, files, "-tags", tags)
		if (err == nil) != compiles || !compiles && !strings.Contains(said, "DataMap redeclared") {
			t.Errorf("%s: %v %s", tags, err, said)
		}
	}
}
