"""The command line: commands are imported when they are used, errors end in advice and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

import mapmedic
from mapmedic.errors import INTERNAL_ERROR_EXIT_CODE, MapmedicError

INTERRUPTED_EXIT_CODE = 130

# Command -> what it does. The words are here, not in the modules, so that --help imports none of them.
COMMANDS = {
    "demo": "Find, fix and prove one real leak in a Go service that this command builds and starts.",
    "capture": "Take everything reachable from TARGET and save it as one session file.",
    "diagnose": "Say which container eats the memory, who fills it, how sure that is, and what to do.",
    "hotfix": "Show the plan for emptying a map in a running service; with --apply, do it and prove it.",
    "verify": "Compare two captures of a service: did the memory come back?",
    "flame": "Draw a heap as a flame graph (HTML), with the runtime frames that pprof hides.",
    "doctor": "Show what this machine allows, and what to do about what it does not.",
}


class LazyGroup(click.Group):
    """A group whose commands live in modules of their own name, imported on first use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order a newcomer meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"mapmedic.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(mapmedic.__version__, prog_name="mapmedic")
def cli() -> None:
    """Find the Go map that eats a service's memory, fix it while the service runs, and prove it.

    TARGET is a net/http/pprof URL (http://host:port), a saved session (*.mapmedic), or a raw file: a heap
    profile, heap?debug=1 text, a goroutine dump.

    Exit codes: 0 done, healthy, or plan shown; 1 finding; 2 usage; 3 could not look; 4 refused, target
    untouched; 5 proof failed; 70 internal error.
    """


def main() -> None:
    """Run the command line and exit with the contract's code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:  # noqa: PLR0911 - one exit code a kind of end
    """Run one command and return its exit code; every error becomes words on stderr."""
    try:
        result: Any = cli.main(args=arguments, prog_name="mapmedic", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except MapmedicError as error:
        return _advise(error, arguments)
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return INTERRUPTED_EXIT_CODE
    except BrokenPipeError:
        return _hang_up()
    except Exception as error:
        return _confess(error)


def _hang_up() -> int:
    """Whoever read us has gone (`| head`): say nothing more, not even when Python flushes at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _advise(error: MapmedicError, arguments: list[str]) -> int:
    from mapmedic.cli.advice import print_advice  # noqa: PLC0415 - only a failing command pays for it

    print_advice(error, as_json="--json" in arguments)
    return error.exit_code


def _confess(error: Exception) -> int:
    import traceback  # noqa: PLC0415 - only a bug pays for it

    traceback.print_exc()
    click.echo(
        f"\nmapmedic {mapmedic.__version__} has a bug ({type(error).__name__}). A service it was looking at is "
        "untouched unless a journal was named above; please report the traceback.",
        err=True,
    )
    return INTERNAL_ERROR_EXIT_CODE


if __name__ == "__main__":
    main()
