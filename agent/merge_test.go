package agent

import (
	"fmt"
	"testing"
)

func keyOf(i int) string { return fmt.Sprintf("key-%d", i) }

// Merge semantics: what is in the map after an undo, for each history of a key.
func TestUndoMerges(t *testing.T) {
	cases := []struct {
		name       string
		before     int // keys 0..before-1 hold their own number
		since      int // keys -1..-since are written during the hold
		overwrites int // keys 0..overwrites-1 are written anew with 1000000+i
	}{
		{"nothing written: all return", 1000, 0, 0},
		{"few written: the old map comes back with the new entries in it", 1000, 10, 3},
		{"more written than held: the old entries go into the live map", 1000, 5000, 200},
		{"all overwritten: every newer value stays", 1000, 0, 1000},
		{"many written on both sides: no long hold", 3 * maxSwapBack, 2 * maxSwapBack, 777},
		{"an empty map is detached and returns", 0, 5, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := filled(c.before)
			medic := serve(t, s.register(t, "m"))
			op := medic.detach("m")
			want := map[string]int{}
			for i := 0; i < c.before; i++ {
				want[keyOf(i)] = i
			}
			for i := 1; i <= c.since; i++ {
				s.set(keyOf(-i), i)
				want[keyOf(-i)] = i
			}
			for i := 0; i < c.overwrites; i++ {
				s.set(keyOf(i), 1000000+i)
				want[keyOf(i)] = 1000000 + i
			}
			status, done := medic.do("POST", path(op, "/undo"), "")
			if status != 200 || done["state"] != "undone" {
				t.Fatalf("undo: %d %v", status, done)
			}
			if done["kept_newer"] != float64(c.overwrites) || done["merged"] != float64(c.before-c.overwrites) {
				t.Errorf("merged %v kept_newer %v, want %d and %d", done["merged"], done["kept_newer"], c.before-c.overwrites, c.overwrites)
			}
			same(t, s.copy(), want)
		})
	}
}

func same[K comparable, V comparable](t *testing.T, got, want map[K]V) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d entries, want %d", len(got), len(want))
	}
	for k, v := range want {
		if got[k] != v {
			t.Fatalf("%v holds %v, want %v", k, got[k], v)
		}
	}
}
