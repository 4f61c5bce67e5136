"""Write docs/reference/cli.md from what `--help` says.

python -m tools.cli_reference [--check]      # --check: exit 1 where the page is not what --help says today
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mapmedic.cli.main import SECTIONS, cli

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "cli.md"
WIDTH = 100
HEAD = """# The command line

Written by `make docs` from `mapmedic --help`; do not edit.

Results go to stdout, talk and progress to stderr. `--json` puts one JSON object on stdout, named in its field `schema`
(schemas in `src/mapmedic/schemas/`); an error is one too (`mapmedic.error/1`). `NO_COLOR` is obeyed. A file that exists
is only replaced with `--force`. The agent's token comes from the environment variable `MAPMEDIC_TOKEN` or a file, never
from an argument, which every user of the machine could read.

| exit code | means |
|---|---|
| 0 | done; healthy, steady or undetermined (the words say which); plan shown |
| 1 | `diagnose` found something |
| 2 | the words of the command are off |
| 3 | could not look: unreachable, unreadable, not a Go service |
| 4 | refused on safety grounds; the target is untouched |
| 5 | done, but the proof failed (`hotfix`, `verify`, `demo`) |
| 70 | a bug of mapmedic |
| 130, 141 | interrupted; the reader of the output has gone |

The shell completes commands and options after one of these, in its start-up file:

    eval "$(_MAPMEDIC_COMPLETE=bash_source mapmedic)"     # ~/.bashrc
    eval "$(_MAPMEDIC_COMPLETE=zsh_source mapmedic)"      # ~/.zshrc
    _MAPMEDIC_COMPLETE=fish_source mapmedic | source      # ~/.config/fish/config.fish
"""


def main(arguments: list[str]) -> int:
    """Write the page, or only tell whether it is current."""
    text = page()
    if arguments == ["--check"]:
        return 0 if PAGE.read_text(encoding="utf-8") == text else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


def page() -> str:
    """Return the whole page."""
    parts = [HEAD, _help(cli, None, "mapmedic")]
    # With the group's settings: commands inherit its -h, and click remembers it from whoever asked first.
    group = click.Context(
        cli, None, "mapmedic", terminal_width=WIDTH, max_content_width=WIDTH, **cli.context_settings
    )
    for title, commands in SECTIONS.items():
        parts.append(f"## {title}\n")
        for name in commands:
            command = cli.get_command(group, name)
            assert command is not None  # noqa: S101 - the list of commands is the list of commands
            parts.append(f"### mapmedic {name}\n")
            parts.append(_help(command, group, name))
    return "\n".join(parts)


def _help(command: click.Command, parent: click.Context | None, name: str) -> str:
    context = click.Context(
        command, parent, name, terminal_width=WIDTH, max_content_width=WIDTH, **command.context_settings
    )
    return f"```text\n{command.get_help(context).strip()}\n```\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
