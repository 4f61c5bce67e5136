"""The command line: commands are imported when they are used, errors end in advice and an exit code."""

from __future__ import annotations

import gc
import importlib
import io
import os
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import Any

import click

import mapmedic
from mapmedic.errors import INTERNAL_ERROR_EXIT_CODE, MapmedicError, UsageError

# As shells say it: ended by SIGINT, ended by SIGPIPE. What a command found was not read to its end, so
# neither 0 nor 1 would be true.
INTERRUPTED_EXIT_CODE = 130
HUNG_UP_EXIT_CODE = 141

# Section -> command -> what it does, in the order of the work. The words are here, not in the modules, so that
# --help imports none of them.
SECTIONS = {
    "Begin": {
        "demo": "Find, fix and prove one real leak in a Go service that this command builds and starts.",
        "doctor": "Show what this machine allows, and what to do about what it does not.",
    },
    "Look": {
        "capture": "Take everything reachable from TARGET and save it as one session file.",
        "diagnose": "Say which container eats the memory, who fills it, how sure that is, and what to do.",
        "heap": "List every map in a live Go process, with no agent, no endpoint and no symbols.",
        "diff": "Show what grew from BEFORE to AFTER, by owner or by site.",
        "flame": "Draw a heap as a flame graph (HTML), with the runtime frames that pprof hides.",
    },
    "Mend": {
        "hotfix": "Show the plan for emptying a map in a running service; with --apply, do it and prove it.",
        "tune": "Show GOGC, GOMEMLIMIT and gctrace of a running Go process; set them with --apply, without a restart.",
        "journal": "Say what a journal tells of a fix, and export the entries that it saved.",
        "restore": "Show what a backup of hotfix holds; with --apply, put its entries back into the map.",
    },
    "Prove": {
        "verify": "Compare two captures of a service: did the memory come back?",
    },
}
COMMANDS = {name: words for section in SECTIONS.values() for name, words in section.items()}


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

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is meant; a misspelt one is answered with the nearest there is."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches  # noqa: PLC0415 - only a misspelt command pays for it

            for near in get_close_matches(args[0], COMMANDS, n=1):
                raise click.UsageError(f"{error.message} Did you mean {near!r}?", ctx) from error
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without importing them."""
        for title, commands in SECTIONS.items():
            with formatter.section(title):
                # One column for all sections: names stand below each other.
                formatter.write_dl(
                    [(name.ljust(max(map(len, COMMANDS))), words) for name, words in commands.items()]
                )


@click.command(
    cls=LazyGroup,
    epilog="More on a command: mapmedic COMMAND --help",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(mapmedic.__version__, prog_name="mapmedic")
def cli() -> None:
    """Find the Go map that eats a service's memory, fix it while the service runs, and prove it.

    TARGET is a net/http/pprof URL (http://HOST:PORT, unix:///PATH), a gops agent (gops:PID), a saved session
    (*.mapmedic), or a raw file: a heap profile, heap?debug=1 text, a goroutine dump, a metrics page, a log
    with gctrace lines.

    Exit codes: 0 done, healthy, undetermined, or plan shown; 1 finding; 2 usage; 3 could not look;
    4 refused, target untouched; 5 proof failed; 70 internal error; 130 interrupted.
    """


def main() -> None:
    """Run the command line and exit with the contract's code."""
    # numpy starts a thread a core for linear algebra, of which there is none here, and pays for it at each start.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Importing makes thousands of objects that stay: looking through them for garbage again and again is a
    # twentieth of what a small diagnosis costs.
    gc.set_threshold(50_000)
    # Closed by who started us (>&-): Python has None there, and the next file to be opened would get that number.
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - for as long as we run
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal or a log that is not UTF-8 is no reason to fail
            stream.reconfigure(errors="backslashreplace")
    _end_as_by_ctrl_c()
    sys.exit(run(sys.argv[1:]))


def _end_as_by_ctrl_c() -> None:
    """Let a supervisor or a lost terminal end us as Ctrl-C does: what was changed for a while is put back."""

    def as_by_ctrl_c(_number: int, frame: FrameType | None) -> None:
        listener = signal.getsignal(signal.SIGINT)  # nobody, where a shell has started us in the background
        end = listener if callable(listener) else signal.default_int_handler
        end(signal.SIGINT, frame)

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup
            signal.signal(number, as_by_ctrl_c)


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; every error becomes words on stderr."""
    as_json = "--json" in arguments
    try:
        code = _invoke(arguments)
        sys.stdout.flush()  # here, where a reader that has gone can still be answered for
        return code
    except (BrokenPipeError, SystemExit):  # rich and click leave by SystemExit(1): that is "finding" here
        return _hang_up()
    except (KeyboardInterrupt, click.Abort) as stop:
        _say_what_is_left(stop)
        return INTERRUPTED_EXIT_CODE
    except BaseException as error:  # a panic of the native core is no Exception, and its 1 would be "finding"
        try:
            return _tell(error, arguments, as_json=as_json)
        except BrokenPipeError:
            return _hang_up()


def _invoke(arguments: list[str]) -> int:
    try:
        result: Any = cli.main(args=arguments, prog_name="mapmedic", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except SystemExit as stop:
        if stop.code == 0:  # the shell's completion was answered
            return 0
        raise
    return result if isinstance(result, int) else 0


def _tell(error: BaseException, arguments: list[str], *, as_json: bool) -> int:
    """Print what a person needs to know about ``error``; its exit code."""
    from mapmedic.cli import error_output  # noqa: PLC0415 - only a failing command pays for it

    command = next((word for word in arguments[:1] if word in COMMANDS), None)

    if isinstance(error, click.ClickException):
        error.show()
        usage = UsageError(error.format_message())
        if as_json:
            error_output.print_json(usage, command)
        return usage.exit_code
    if isinstance(error, MapmedicError):
        error_output.print_words(error, command)
        if as_json:
            error_output.print_json(error, command)
        return error.exit_code
    _confess(error)
    if as_json:
        error_output.print_json(
            MapmedicError(f"a bug in mapmedic {mapmedic.__version__}: {type(error).__name__}")
        )
    return INTERNAL_ERROR_EXIT_CODE


def _say_what_is_left(stop: BaseException) -> None:
    """Say what an interrupted command leaves behind: the notes that rooms put on the way out."""
    from mapmedic.report.inert import inert  # noqa: PLC0415 - only an interrupted command pays for it

    notes = getattr(stop.__cause__ or stop, "__notes__", None)  # click wraps a KeyboardInterrupt in an Abort
    left = "; ".join(notes) if notes else "nothing was changed, and no file is left"
    with suppress(OSError):  # the terminal may be what has gone
        click.echo(f"interrupted: {inert(left)}", err=True)


def _hang_up() -> int:
    """Whoever read us has gone (`| head`): say nothing more, not even when Python flushes at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            os.dup2(nowhere, stream.fileno())
    return HUNG_UP_EXIT_CODE


def _confess(error: BaseException) -> None:
    import traceback  # noqa: PLC0415 - only a bug pays for it

    from mapmedic.report.inert import inert_lines  # noqa: PLC0415

    click.echo("\n".join(inert_lines("".join(traceback.format_exception(error)))), err=True)
    click.echo(
        f"\nmapmedic {mapmedic.__version__} has a bug ({type(error).__name__}). A service it was looking at is "
        "untouched unless a journal was named above; please report the traceback.",
        err=True,
    )


if __name__ == "__main__":
    main()
