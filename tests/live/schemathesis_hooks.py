"""What schemathesis cannot know of the agent; loaded by its command line alone.

How a stream of entries looks, and that an operation stays in the way of others until it has ended.
"""

from __future__ import annotations

import json
import os
import urllib.request
from typing import Any

import schemathesis
from hypothesis import strategies as st

from mapmedic.formats.entry_stream import encode_stream

_TIMES = st.sampled_from(["2026-01-02T03:04:05.000000006+01:00", "0001-01-01T00:00:00Z", "yesterday"])
_SESSION = st.fixed_dictionaries(
    {"ID": st.text(), "User": st.text(), "TenantID": st.text(), "CreatedAt": _TIMES, "LastSeen": _TIMES,
     "ExpiresAt": st.integers(), "Cart": st.sampled_from([None, "", "AQID", "?"])}
)  # fmt: skip
_ENTRY = st.fixed_dictionaries({"k": st.text(), "v": st.none() | _SESSION})
_STREAM = st.lists(_ENTRY, max_size=5).map(
    lambda entries: encode_stream(
        [json.dumps(entry, ensure_ascii=False, separators=(",", ":")).encode() for entry in entries]
    )
)
_CUT = st.tuples(_STREAM, st.integers(0, 400)).map(lambda stream: stream[0][: stream[1]])

schemathesis.openapi.media_type("application/vnd.mapmedic.entries", _STREAM | _CUT | st.binary(max_size=200))

_API = "/debug/mapmedic/v1"
_ONE_AT_A_TIME = {f"POST {_API}/operations", f"POST {_API}/restore", "POST /debug/hotfix/clear-cache"}


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Undo what an earlier request began, so that not everything is answered 409."""
    if case.operation.label in _ONE_AT_A_TIME:
        for operation in _ask("GET", "operations")["operations"]:
            if operation["state"] == "detached":
                _ask("POST", f"operations/{operation['id']}/undo")


def _ask(method: str, path: str) -> Any:
    request = urllib.request.Request(f"{os.environ['AGENT_URL']}{_API}/{path}", method=method)
    request.add_header("Authorization", f"Bearer {os.environ['MAPMEDIC_TOKEN']}")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)
