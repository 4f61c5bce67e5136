"""Every delete, clear and re-make of the map that is meant, and of no other map; the first making is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from mapmedic.model.findings import Site, SourceHint
from mapmedic.source.insertion import SourceReader

HEAD = """package main

import "sync"

type T struct {
	mu sync.Mutex
	m  map[string]*V
	c  sync.Map
}
type V struct{ n int }
type Other struct{ m map[string]*V }
type Outer struct{ T }
type Shards struct{ shards [16]shard }
type shard struct{ mine map[string]*V }
type Index map[string]*V
type Named struct{ ix Index }
type Cache[K comparable, V any] struct{ items map[K]V }

var global map[string]int
var ready = make(map[string]int)

"""
PUT = "func (t *T) Put(k string, v *V) {\n\tt.m[k] = v // <-\n}\n"
STORE = "func (t *T) Put(k string, v *V) {\n\tt.c.Store(k, v) // <-\n}\n"
SHARD = "func (s *shard) Put(k string, v *V) {\n\ts.mine[k] = v // <-\n}\n"
ITEMS = "func (c *Cache[K, V]) Put(k K, v V) {\n\tc.items[k] = v // <-\n}\n"
GLOBAL = "func Put(k string) {\n\tglobal[k] = 1 // <-\n}\n"
LOCAL = "func Put() {\n\tseen := map[string]int{}\n\tfor {\n\t\tseen[k] = 1 // <-\n\t\t%s\n\t}\n}\n"

INDEX = "func (n *Named) Put(k string, v *V) {\n\tn.ix[k] = v // <-\n}\n"
BY_METHOD = (
    "func (n *Named) Drop(k string) { n.ix.remove(k) }\nfunc (i Index) remove(k string) { delete(i, k) }"
)
MADE_AGAIN = "func (t *T) Drop() { t.m = make(map[string]*V) }\nvar t0 = &T{m: make(map[string]*V)}"
HANDED_ON = "func (t *T) Drop() { sweep(t.m) }\nfunc sweep(m map[string]*V) { delete(m, k) }"
FOUND = "func Drop() { t := find(); delete(t.m, k) }\nfunc find() *T { return nil }"
ONE_SHARD = "func (s *Shards) Drop(i int) { x := &s.shards[i]; delete(x.mine, k) }"
EACH_SHARD = "func (s *Shards) Drop() { for _, x := range s.shards { clear(x.mine) } }"


def hint_of(folder: Path, insertion: str, rest: str = "", symbol: str = "main.(*T).Put") -> SourceHint:
    text = HEAD + insertion
    (folder / "a.go").write_text(text)
    (folder / "b.go").write_text("package main\n\n" + rest + "\n")
    line = next(i for i, each in enumerate(text.split("\n"), 1) if "// <-" in each)
    hint = SourceReader(folder).locate(Site(symbol, "/build/a.go", line))
    assert hint is not None
    return hint


def found(hint: SourceHint) -> list[tuple[str, str, int]]:
    assert hint.removals is not None
    return [(each.what, each.file, each.line) for each in hint.removals]


@pytest.mark.parametrize(
    ("insertion", "symbol", "statement", "what"),
    [
        (PUT, "main.(*T).Put", "func (t *T) Drop(k string) { delete(t.m, k) }", "delete"),
        (PUT, "main.(*T).Put", "func (x *T) Drop() { clear(x.m) }", "clear"),
        (PUT, "main.(*T).Put", "func (t *T) Drop() { t.m = nil }", "re-make"),
        (PUT, "main.(*T).Put", MADE_AGAIN, "re-make"),
        (PUT, "main.(*T).Put", "func (t *T) Drop() { m := t.m; for k := range m { delete(m, k) } }", "delete"),
        (PUT, "main.(*T).Put", HANDED_ON, "delete"),
        (PUT, "main.(*T).Put", "func (t *T) Drop() { maps.DeleteFunc(t.m, old) }", "delete"),
        (PUT, "main.(*T).Put", "func Drop(o *Outer) { delete(o.m, k) }", "delete"),
        (PUT, "main.(*T).Put", "func Drop(o *Outer) { delete(o.T.m, k) }", "delete"),
        (PUT, "main.(*T).Put", "func Drop() { t := &T{}; delete(t.m, k) }", "delete"),
        (PUT, "main.(*T).Put", FOUND, "delete"),
        (PUT, "main.(*T).Put", "func Drop() { x.y().m = nil; delete(unknown.m, k) }", "delete"),
        (STORE, "main.(*T).Put", "func (t *T) Drop() { t.c.Delete(k) }", "delete"),
        (STORE, "main.(*T).Put", "func (t *T) Drop() { t.c.LoadAndDelete(k) }", "delete"),
        (STORE, "main.(*T).Put", "func (t *T) Drop() { t.c.Clear() }", "clear"),
        (STORE, "main.(*T).Put", "func (t *T) Drop() { t.c.Range(func(k, v any) bool { t.c.Delete(k) }) }", "delete"),
        (SHARD, "main.(*shard).Put", "func (s *Shards) Drop(i int) { delete(s.shards[i].mine, k) }", "delete"),
        (SHARD, "main.(*shard).Put", EACH_SHARD, "clear"),
        (SHARD, "main.(*shard).Put", ONE_SHARD, "delete"),
        (ITEMS, "main.(*Cache[...]).Put", "func (c *Cache[K, V]) Drop(k K) { delete(c.items, k) }", "delete"),
        (GLOBAL, "main.Put", "func Drop(k string) { delete(global, k) }", "delete"),
        (INDEX, "main.(*Named).Put", BY_METHOD, "delete"),
    ],
)  # fmt: skip
def test_what_takes_out_is_found(
    tmp_path: Path, insertion: str, symbol: str, statement: str, what: str
) -> None:
    places = found(hint_of(tmp_path, insertion, statement, symbol))
    assert (what, "b.go") in [(w, file) for w, file, _ in places]


@pytest.mark.parametrize(
    ("insertion", "symbol", "statement"),
    [
        (PUT, "main.(*T).Put", "func (o *Other) Drop(k string) { delete(o.m, k) }"),  # another type's field
        (PUT, "main.(*T).Put", "func Drop(m map[string]*V) { delete(m, k) }"),  # a parameter of the same name
        (PUT, "main.(*T).Put", "func New() *T { t := &T{}; t.m = make(map[string]*V); return t }"),
        (PUT, "main.(*T).Put", "func (t *T) Init() { if t.m == nil { t.m = make(map[string]*V) } }"),
        (PUT, "main.(*T).Put", "func (t *T) Init() { t.m = make(map[string]*V) }"),  # the only making there is
        (PUT, "main.(*T).Put", "func New() *T { return &T{m: make(map[string]*V)} }"),
        (PUT, "main.(*T).Put", "func (t *T) Get() *V { return t.m[k] }\n// delete(t.m, k)\nvar s = `clear(t.m)`"),
        (PUT, "main.(*T).Put", "func (t *T) Swap() { m := t.m; m = nil; _ = m }"),  # the copy alone
        (PUT, "main.(*T).Put", "func (t *T) Drop() { delete(t.m2, k); delete(t.m[k].n, k) }"),
        (STORE, "main.(*T).Put", "func (t *T) Get() { t.c.Load(k); t.c.Range(f) }"),
        (GLOBAL, "main.Put", "func init() { global = make(map[string]int) }"),
        (GLOBAL, "main.Put", "func Drop() { global := other(); delete(global, k) }"),  # another one
    ],
)  # fmt: skip
def test_what_does_not_take_out_is_not(tmp_path: Path, insertion: str, symbol: str, statement: str) -> None:
    hint = hint_of(tmp_path, insertion, statement, symbol)
    assert found(hint) == []
    assert hint.files_read == 2


def test_a_variable_of_the_function(tmp_path: Path) -> None:
    assert found(hint_of(tmp_path, LOCAL % "", "func f() { delete(seen, k) }", "main.Put")) == []
    (what, _, _), = found(hint_of(tmp_path, LOCAL % "delete(seen, k)", "", "main.Put"))  # fmt: skip
    assert what == "delete"


def test_a_second_making_is_a_re_make(tmp_path: Path) -> None:
    twice = "func a() { global = map[string]int{} }\nfunc b() { global = make(map[string]int) }"
    assert [what for what, _, _ in found(hint_of(tmp_path, GLOBAL, twice, "main.Put"))] == ["re-make"] * 2
    emptied = "func a() { global = map[string]int{} }\nfunc b() { global = nil }"
    assert found(hint_of(tmp_path, GLOBAL, emptied, "main.Put")) == [("re-make", "b.go", 4)]


def test_tests_do_not_count_and_what_was_not_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "a_test.go").write_text("package main\n\nfunc f(t *T) { delete(t.m, k) }\n")
    (tmp_path / "bad.go").write_text("package main\n\nfunc f( {{{\n")
    (tmp_path / "huge.go").write_bytes(b"\n" * (5 << 20))
    (tmp_path / "link.go").symlink_to(tmp_path / "a_test.go")
    hint = hint_of(tmp_path, PUT)
    assert found(hint) == []
    assert [blank.what for blank in hint.unread] == ["bad.go", "huge.go", "link.go"]


def test_a_map_that_another_package_declares_is_not_looked_for(tmp_path: Path) -> None:
    hint = hint_of(tmp_path, "func Put(o *other.T) {\n\to.m[k] = v // <-\n}\n", "", "main.Put")
    assert (hint.declared, hint.removals) == ("other.T.m", None)


def test_hostile_source_ends(tmp_path: Path) -> None:
    loops = "func (t *T) a() { b(t.m) }\nfunc b(m map[string]*V) { c(m) }\nfunc c(m map[string]*V) { b(m) }\n"
    alias = "func (t *T) d() { m := t.m; n := m; m = n; o := m; p := o; q := p; delete(q, k) }\n"
    mutual = (
        "func (t *T) g() { a := b; b := a; for _, c := range c.d() { a = c }; delete(a.m, k); b.m = nil }\n"
    )
    deep = "func (t *T) e() { _ = " + "(" * 5000 + "t.m" + ")" * 5000 + " }\n"
    cycle = "type A struct{ B }\ntype B struct{ A }\nfunc (a *A) f() { delete(a.m, k) }\n"
    hint = hint_of(tmp_path, PUT, loops + alias + mutual + deep + cycle)
    assert hint.declared == "main.T.m"
