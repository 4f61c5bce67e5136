"""Help and completion: quick, complete, in the order of the work."""

from __future__ import annotations

import subprocess

import pytest

from mapmedic.cli.main import COMMANDS, SECTIONS
from tests.support.command import COMMAND, environment, run
from tests.support.go_process import (
    GOLDEN,
)

HEAP = GOLDEN / "heap.txt"


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    script = (
        "import sys, resource\nfrom mapmedic.cli.main import run\ncode = run(['--help'])\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "heavy = {'numpy', 'aiohttp', 'rich', 'jinja2', 'prometheus_client', 'asyncio'} & set(sys.modules)\n"
        "print(code, used.ru_utime + used.ru_stime, sorted(heavy), file=sys.stderr)"
    )
    seconds = []
    for _ in range(3):
        done = subprocess.run(
            [COMMAND[0], "-c", script], capture_output=True, text=True, check=True, env=environment()
        )
        code, used, heavy = done.stderr.split(maxsplit=2)
        assert (code, heavy.strip()) == ("0", "[]")
        seconds.append(float(used))
    assert min(seconds) < 0.25


def test_a_file_is_diagnosed_without_network_remedy_and_source() -> None:
    script = (
        "import sys\nfrom mapmedic.cli.main import run\n"
        f"code = run(['diagnose', {str(HEAP)!r}])\n"
        "heavy = {'asyncio', 'ssl', 'aiohttp', 'tarfile', 'jinja2', 'mapmedic.remedy', 'mapmedic.source'}\n"
        "print(code, sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [COMMAND[0], "-c", script], capture_output=True, text=True, check=True, env=environment()
    )
    assert done.stderr.strip() == "0 []"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_is_given_its_completion(shell: str) -> None:
    done = run(_MAPMEDIC_COMPLETE=f"{shell}_source")
    assert (done.code, done.err) == (0, "")
    assert "_MAPMEDIC_COMPLETE" in done.out


@pytest.mark.parametrize(
    ("words", "offered"),
    [("mapmedic di", "diagnose"), ("mapmedic hotfix --strat", "--strategy"), ("mapmedic flame x", "file,x")],
)
def test_the_shell_completes_commands_options_and_files(words: str, offered: str) -> None:
    last = str(len(words.split()) - 1)
    done = run(_MAPMEDIC_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=last)
    assert (done.code, done.err) == (0, "")
    assert offered in done.out


def test_help_lists_the_commands_in_the_order_of_the_work() -> None:
    text = run("--help").out
    places = [text.index(f"\n  {name} ") for name in COMMANDS]
    assert places == sorted(places)
    assert all(
        text.index(f"{title}:") < text.index(f"\n  {next(iter(of))} ") for title, of in SECTIONS.items()
    )


def test_each_command_has_help_with_the_words_of_the_list() -> None:
    for command, words in COMMANDS.items():
        done = run(command, "--help")
        assert done.code == 0
        assert " ".join(done.out.split()).count("--json"), command
        assert (
            words.split(",")[0].split(" (")[0].split(";")[0].rstrip(".")[:20].lower()
            in run("--help").out.lower()
        )
