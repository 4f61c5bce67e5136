"""What README and docs say of the command line is what the command line has."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from mapmedic.cli.main import COMMANDS, cli
from tools import cli_reference

ROOT = Path(__file__).resolve().parents[3]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_readme_lists_every_command_and_no_other() -> None:
    table = re.findall(r"^\| `mapmedic (\w+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert table == list(COMMANDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_options_in_the_docs_exist(page: Path) -> None:
    context = click.Context(cli)
    for name, words in re.findall(r"mapmedic (\w+) ([^`\n(]*)", page.read_text()):
        command = cli.get_command(context, name)
        if command is None:
            continue
        known = _options(command, context) | {"--help"}
        used = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", words))
        assert used <= known, f"{page.name}: mapmedic {name} has no {', '.join(sorted(used - known))}"


def _options(command: click.Command, context: click.Context) -> set[str]:
    """Return the options of ``command``, and of the commands that it is made of."""
    own = {option for parameter in command.params for option in parameter.opts}
    if not isinstance(command, click.Group):
        return own
    parts = (command.get_command(context, name) for name in command.list_commands(context))
    return own.union(*(_options(part, context) for part in parts if part is not None))


def test_each_claim_of_the_guide_names_a_test_that_exists_and_none_is_forgotten() -> None:
    page = (ROOT / "docs/concepts/what-the-guide-gets-wrong.md").read_text()
    tests = "".join(path.read_text() for path in (ROOT / "lab/guide").glob("*_test.go"))
    assert set(re.findall(r"\| `(Test\w+)` \|", page)) == set(
        re.findall(r"^func (Test\w+)\(t ", tests, re.MULTILINE)
    )


def test_the_reference_of_the_command_line_is_current() -> None:
    assert cli_reference.PAGE.read_text() == cli_reference.page(), "make docs writes it anew"


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_shows_at_least_two_examples_that_parse(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    command = cli.get_command(click.Context(cli), name)
    assert command is not None and command.epilog is not None
    lines = re.findall(r"^  mapmedic (.+)$", command.epilog, re.MULTILINE)
    assert len(lines) >= 2
    for line in lines:
        first, *words = shlex.split(line)
        assert first == name
        command.make_context(name, words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"
