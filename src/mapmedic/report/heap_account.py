"""Where the RAM of a process is, on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mapmedic.model.inventory import Account
from mapmedic.report.figures import bytes_text
from mapmedic.report.terminal_parts import encodable, heading

_HEADS = (
    ("live_bytes", "Go heap: objects that are reached"),
    ("dead_bytes", "Go heap: garbage not swept yet"),
    ("room_bytes", "Go heap: room between objects"),
    ("free_bytes", "Go heap: free, not given back"),
    ("stack_bytes", "stacks of goroutines"),
    ("runtime_bytes", "the runtime's own books"),
    ("program_bytes", "the program: text and global variables"),
    ("file_bytes", "other files that are mapped"),
    ("off_heap_bytes", "off the Go heap: C, mappings, threads"),
    ("unexplained_bytes", "unexplained"),
)


def print_account(console: Console, account: Account) -> None:
    """Print under which heads the RAM goes, in shares of all of it."""
    heading(console, f"Its {bytes_text(account.rss_bytes)} of RAM")
    table = Table(box=None, pad_edge=False, show_edge=False, show_header=False)
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for name, words in _HEADS:
        bytes_ = getattr(account, name)
        sign = "-" if bytes_ < 0 else ""
        share = f"{bytes_ / account.rss_bytes:.1%}" if account.rss_bytes else ""
        table.add_row(
            encodable(console, Text(f"  {words}")), Text(sign + bytes_text(abs(bytes_))), Text(share)
        )
    console.print(table)
