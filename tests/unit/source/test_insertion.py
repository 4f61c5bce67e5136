"""From the line that inserts to the name of the container, and never from a profile to a file of its choice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mapmedic.model.findings import Site, SourceHint
from mapmedic.source.go_file import MAX_FILE_BYTES
from mapmedic.source.insertion import SourceReader

HEAD = """package main

import "sync"

type T struct {
	mu    sync.Mutex
	m, m2 map[string]*V
	list  []*V
	cache sync.Map
	Base
}

type V struct{ n map[string]int }
type G[K comparable, V any] struct{ items map[K]V }

var global = make(map[string]int)
var typed map[int]*V
var log []string
var registry sync.Map

"""


def hint_of(tmp_path: Path, body: str, symbol: str = "main.(*T).Put", head: str = HEAD) -> SourceHint | None:
    """Return what is said about the line that carries the mark `// <-`."""
    text = head + body + "\n"
    line = next(i for i, each in enumerate(text.split("\n"), 1) if "// <-" in each)
    (tmp_path / "a.go").write_bytes(text.encode())
    return SourceReader(tmp_path).locate(Site(symbol, "/build/svc/a.go", line))


def method(statement: str, receiver: str = "t *T") -> str:
    return f"func ({receiver}) Put(k string, v *V) {{\n\tt.mu.Lock()\n\t{statement} // <-\n}}"


WORKER = "func work() {\n\tseen := make(map[string]*V)\n\tfor {\n\t\tseen[k] = v // <-\n\t}\n}"
CLOSURE = "func (t *T) Put() {\n\tvar own map[int]int\n\tf := func() { own[1] = 1 } // <-\n}"
MULTI_LINE = "func (t *T) Put() {\n\tt.m[k] = &V{ // <-\n\t\tn: nil,\n\t}\n}"


@pytest.mark.parametrize(
    ("body", "symbol", "declared", "type_"),
    [
        (method("t.m[k] = v"), "main.(*T).Put", "main.T.m", "map[string]*V"),
        (method("t.m2[k] = v"), "main.(*T).Put", "main.T.m2", "map[string]*V"),
        (method("t.m[k] = v", "t T"), "main.T.Put", "main.T.m", "map[string]*V"),
        (MULTI_LINE, "main.(*T).Put", "main.T.m", "map[string]*V"),
        (method("t.list = append(t.list, v)"), "main.(*T).Put", "main.T.list", "[]*V"),
        (method("t.cache.Store(k, v)"), "main.(*T).Put", "main.T.cache", "sync.Map"),
        (method("old, _ := t.cache.LoadOrStore(k, v); _ = old"), "main.(*T).Put", "main.T.cache", "sync.Map"),
        (method("defer func() { t.m[k] = v }()"), "main.(*T).Put.func1", "main.T.m", "map[string]*V"),
        (method("t.m[k] = v"), "main.(*T).Put-fm", "main.T.m", "map[string]*V"),
        ("func (g *G[K, V]) Put(k K) {\n\tg.items[k] = v // <-\n}", "main.(*G[...]).Put", "main.G.items", "map[K]V"),
        ("func Put(t *T, k string) {\n\tt.m[k] = nil // <-\n}", "main.Put", "main.T.m", "map[string]*V"),
        ("func Put[K any](t *T, k string) {\n\tt.m[k] = nil // <-\n}", "main.Put[...]", "main.T.m", "map[string]*V"),
        ("func put(k string) {\n\tglobal[k] = 1 // <-\n}", "main.put", "main.global", "map[string]int"),
        ("func put(k string) {\n\tglobal[k]++ // <-\n}", "main.put", "main.global", "map[string]int"),
        ("func put(k string) {\n\tglobal[k]-- // <-\n}", "main.put", "main.global", "map[string]int"),
        ("func put(k string) {\n\tglobal[k] += 2 // <-\n}", "main.put", "main.global", "map[string]int"),
        ("func put(k int) {\n\ttyped[k] = nil // <-\n}", "main.put", "main.typed", "map[int]*V"),
        ("func put(k string) {\n\tlog = append(log, k) // <-\n}", "main.put", "main.log", "[]string"),
        ("func put(k string) {\n\tregistry.Store(k, 1) // <-\n}", "main.put", "main.registry", "sync.Map"),
        ("func put(k string) {\n\telsewhere[k] = 1 // <-\n}", "main.put", "main.elsewhere", None),
        ("func put(k string) {\n\tlists[k] = append(lists[k], 1) // <-\n}", "main.put", "main.lists", None),
        ("func put(k string) {\n\tglobal[k] = 1 // <- last\n}", "main.put", "main.global", "map[string]int"),
        ("func put(t *other.T) {\n\tt.m[1] = 1 // <-\n}", "main.put", "other.T.m", None),
        (method("t.m[k].n[k] = 1"), "main.(*T).Put", "main.V.n", "map[string]int"),
        (method("s := t.m; s[k] = v"), "main.(*T).Put", "main.T.m", "map[string]*V"),
        # A variable of the function's own, as a worker has that lives as long as the service.
        (WORKER, "main.work", "main.work.seen", "map[string]*V"),
        (CLOSURE, "main.(*T).Put.func1", "main.T.Put.own", "map[int]int"),
        # A type that another file of the package declares.
        ("func (u *U) put(k string) {\n\tu.m[k] = 1 // <-\n}", "main.(*U).put", "main.U.m", None),
    ],
)  # fmt: skip
def test_the_statement_names_its_container(
    tmp_path: Path, body: str, symbol: str, declared: str, type_: str | None
) -> None:
    hint = hint_of(tmp_path, body, symbol)
    assert hint is not None
    assert (hint.declared, hint.type) == (declared, type_)
    assert "// <-" in hint.statement


@pytest.mark.parametrize(
    "body",
    [
        method("t.m[k] = v; t.m2[k] = v"),  # two inserts on one line
        method("t.m[k], t.m2[k] = v, v"),
        method("t.base.m[k] = v"),
        method("find(k)[k] = v"),
        method("t.promoted[k] = v"),  # no field of T: an embedded struct declares it
        method("v.n = nil"),  # inserts nothing
        method("_ = t.m[k]"),
        method("delete(t.m, k)"),
        method("t := other(); t.m[k] = v"),  # shadowed
        method("var t other; t.m[k] = v"),
        method("for _, t := range all { t.m[k] = v }"),
        method("func(t *V) { t.m[k] = v }(v)"),
        method("switch t := any(v).(type) { case *V: t.m[k] = v }"),
        method("select { case t := <-ch: t.m[k] = v }"),
        "func (t *T) Put() {\n\tglobal := mine()\n\tif global := other(); true {\n\t\tglobal[k] = 1 // <-\n\t}\n}",
        "func (t *T) Put(global map[string]int) {\n\tglobal[k] = 1 // <-\n}",
        "func (t *T) Put() (global map[string]int) {\n\tglobal[k] = 1 // <-\n\treturn\n}",
        "func (t *T) Put() {\n\tfunc(global map[string]int) { global[k] = 1 }(nil) // <-\n}",
        "func (t *T) Put() {\n\tt.m[k = v // <-\n}",  # syntax error
        "func (t *T) Other(k string) {\n\tt.m[k] = nil // <-\n}",  # another function
        "func (o *Other) Put(k string) {\n\to.m[k] = nil // <-\n}",
        "var x = func() { global[k] = 1 } // <-",  # no declaration around it
    ],
)
def test_what_is_not_clear_is_not_said(tmp_path: Path, body: str) -> None:
    assert hint_of(tmp_path, body) is None


@pytest.mark.parametrize(
    ("symbol", "head", "said"),
    [
        ("github.com/a/b.(*T).Put", HEAD.replace("package main", "package b"), "b.T.m"),
        ("github.com/a/go-b.(*T).Put", HEAD.replace("package main", "package b"), "go-b.T.m"),
        ("main.(*T).Put", HEAD.replace("package main", "package b"), None),
        ("github.com/a/b.(*T).Put", HEAD, None),
        ("github.com/a/b.(*T[...]).Put.func1.2", HEAD.replace("package main", "package b"), "b.T.m"),
    ],
)
def test_the_package_has_to_be_the_right_one(
    tmp_path: Path, symbol: str, head: str, said: str | None
) -> None:
    hint = hint_of(tmp_path, method("t.m[k] = v"), symbol, head)
    assert (hint.declared if hint else None) == said


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.rstrip(b"\n"),
        lambda text: b"// Code generated by x. DO NOT EDIT.\n" + text,
        lambda text: text.replace(b"k string", "naïve string".encode()),
    ],
    ids=["CRLF", "BOM", "no newline", "generated", "unicode"],
)
def test_files_of_all_kinds(tmp_path: Path, change: object) -> None:
    text = change((HEAD + method("t.m[k] = v")).encode())  # type: ignore[operator]
    (tmp_path / "a.go").write_bytes(text)
    line = next(i for i, each in enumerate(text.split(b"\n"), 1) if b"// <-" in each)
    hint = SourceReader(tmp_path).locate(Site("main.(*T).Put", "a.go", line))
    assert hint == SourceHint("main.T.m", "t.m[k] = v // <-", "map[string]*V", (), 1)
    for wrong in (0, -1, 1, line - 1, line + 1, 10**9):
        assert SourceReader(tmp_path).locate(Site("main.(*T).Put", "a.go", wrong)) is None


def _put(folder: Path, name: str = "a.go") -> Site:
    folder.mkdir(parents=True, exist_ok=True)
    text = HEAD + method("t.m[k] = v")
    (folder / name).write_text(text)
    line = next(i for i, each in enumerate(text.split("\n"), 1) if "// <-" in each)
    return Site("main.(*T).Put", str(folder / name), line)


def test_without_a_root_nothing_is_read(tmp_path: Path) -> None:
    assert SourceReader().locate(_put(tmp_path)) is None


def test_a_profile_cannot_name_a_file_outside_the_root(tmp_path: Path) -> None:
    site = _put(tmp_path / "outside", "secret.go")
    (tmp_path / "root").mkdir()
    for path in (
        site.file,
        "../outside/secret.go",
        "root/../../outside/secret.go",
        "/etc/shadow.go",
        "\0.go",
        ".go",
    ):
        assert SourceReader(tmp_path / "root").locate(Site(site.function, path, site.line)) is None


def test_only_go_files(tmp_path: Path) -> None:
    site = _put(tmp_path, "a.txt")
    assert SourceReader(tmp_path).locate(site) is None
    assert SourceReader(tmp_path).locate(Site(site.function, None, 3)) is None
    assert SourceReader(tmp_path).locate(Site(site.function, "a.go", None)) is None


def test_links_fifos_folders_and_huge_files_are_not_read(tmp_path: Path) -> None:
    site = _put(tmp_path / "outside")
    root = tmp_path / "root"
    root.mkdir()
    (root / "loop").symlink_to(root)
    (root / "a.go").symlink_to(tmp_path / "outside" / "a.go")
    os.mkfifo(root / "x.go")
    (root / "d.go").mkdir()
    (root / "h.go").write_bytes((tmp_path / "outside" / "a.go").read_bytes() + b"\n" * MAX_FILE_BYTES)
    for name in ("a.go", "x.go", "d.go", "h.go", "loop/a.go"):
        assert SourceReader(root).locate(Site(site.function, name, site.line)) is None


def test_the_longest_common_ending_wins_and_a_tie_says_nothing(tmp_path: Path) -> None:
    site = _put(tmp_path / "svc" / "store")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.go").write_text("package other\n")
    hint = SourceReader(tmp_path).locate(Site(site.function, "/build/x/store/a.go", site.line))
    assert hint is not None
    assert SourceReader(tmp_path).locate(Site(site.function, "/build/a.go", site.line)) is None


def test_a_missing_root_says_nothing(tmp_path: Path) -> None:
    assert SourceReader(tmp_path / "nowhere").locate(Site("main.f", "a.go", 3)) is None
