"""What a line allocates is followed to the one map that keeps it, and to none where that is not clear."""

from __future__ import annotations

from pathlib import Path

import pytest

from mapmedic.model.findings import Site, SourceFlow
from mapmedic.source.flow import follow
from mapmedic.source.insertion import SourceReader

HEAD = """package main

type File struct{ Body []byte }
type Store struct {
	files map[string][]byte
	byID  map[string]*File
	list  []*File
	c     sync.Map
	array [8]*File
}

var cache = map[string]*File{}

"""


def flow_of(folder: Path, *functions: tuple[str, str]) -> SourceFlow | None:
    """Follow the lines marked `// <-`, one in each of ``functions`` (symbol, text), innermost first."""
    text = HEAD + "\n".join(body for _, body in functions) + "\n"
    (folder / "a.go").write_text(text)
    lines = [i for i, each in enumerate(text.split("\n"), 1) if "// <-" in each]
    marked = [symbol for symbol, body in functions if "// <-" in body]
    stack = [Site(symbol, "/build/svc/a.go", line) for symbol, line in zip(marked, lines, strict=True)]
    return follow(SourceReader(folder), stack)


BY_FIELD = "f := &File{}; f.Body = write(); s.byID[name] = f"
KEEP = ("", "func (s *Store) keep(name string, body []byte) {\n\ts.files[name] = body // in\n}")
MADE = ("main.write", "func write() []byte {\n\tbody := make([]byte, 9) // <-\n\treturn body\n}")


def exported(statement: str) -> tuple[str, str]:
    return "main.(*Store).Export", f"func (s *Store) Export(name string) {{\n\t{statement} // <-\n}}"


@pytest.mark.parametrize(
    ("functions", "function", "declared"),
    [
        ([MADE, exported("s.keep(name, write())"), KEEP], "main.(*Store).keep", "main.Store.files"),
        ([MADE, exported("b := write(); s.keep(name, b)"), KEEP], "main.(*Store).keep", "main.Store.files"),
        ([MADE, exported("s.files[name] = write()")], "main.(*Store).Export", "main.Store.files"),
        ([MADE, exported("s.byID[name] = &File{Body: write()}")], "main.(*Store).Export", "main.Store.byID"),
        ([MADE, exported(BY_FIELD)], "main.(*Store).Export", "main.Store.byID"),
        ([MADE, exported("cache[name] = &File{write()}")], "main.(*Store).Export", "main.cache"),
        ([MADE, exported("s.c.Store(name, write())")], "main.(*Store).Export", "main.Store.c"),
        ([exported("s.files[name] = make([]byte, 9)")], "main.(*Store).Export", "main.Store.files"),
        ([exported("s.files[fmt.Sprint(name)] = nil")], "main.(*Store).Export", "main.Store.files"),
        ([exported("s.files[name] = same(make([]byte, 9))"), ("", "func same(b []byte) []byte { return b }")],
         "main.(*Store).Export", "main.Store.files"),
    ],
)  # fmt: skip
def test_the_way_to_the_map(
    tmp_path: Path, functions: list[tuple[str, str]], function: str, declared: str
) -> None:
    flow = flow_of(tmp_path, *functions)
    assert flow is not None and flow.site is not None and flow.hint is not None
    assert (flow.site.function, flow.hint.declared) == (function, declared)
    assert flow.path[-1] == f"{function}:{flow.site.line}"
    assert flow.site.file == "/build/svc/a.go"


@pytest.mark.parametrize(
    "functions",
    [
        [MADE, exported("s.files[name] = write(); s.list = append(s.list, &File{})")][:1],  # returned, and then?
        [MADE, exported("b := write(); s.files[name] = b; cache[name] = &File{b}")],  # two maps
        [MADE, exported("f := &File{write()}; s.byID[name] = f; s.list = append(s.list, f)")],  # a list as well
        [MADE, exported("s.array[1] = &File{write()}")],
        [MADE, exported("elsewhere.keep(name, write())")],
        [MADE, exported("ch <- write()")],
        [MADE, exported("b := write(); _ = s.files[string(b)]")],  # a look-up
        [MADE, exported("b := write(); b = nil; use(b)")],
        [("main.write", "func write() {\n\tf := func() []byte { return make([]byte, 9) } // <-\n}"),
         exported("write()")],
        [exported("other[name] = make([]byte, 9)")],  # nobody says what it is
    ],
)  # fmt: skip
def test_what_is_not_clear_is_not_said(tmp_path: Path, functions: list[tuple[str, str]]) -> None:
    flow = flow_of(tmp_path, *functions)
    assert flow is None or flow.site is None


def test_the_types_on_the_way(tmp_path: Path) -> None:
    flow = flow_of(tmp_path, MADE, exported("ch <- &File{Body: write()}"))
    assert flow is not None and flow.types == ("File",)


def test_hostile_source_ends(tmp_path: Path) -> None:
    round_and_round = "func a(b []byte) { c(b) }\nfunc c(b []byte) { a(b); d := b; b = d }"
    many = "func e(b []byte) {\n" + "\tb = b\n" * 3000 + "}"
    flow = flow_of(tmp_path, MADE, exported("b := write(); a(b); e(b)"), ("", round_and_round), ("", many))
    assert flow is not None and flow.site is None
