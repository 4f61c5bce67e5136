"""Memory figures as a gops agent and /debug/vars write them; the former captured (google/gops v0.3.28, Go 1.26.8)."""

from __future__ import annotations

import json

from mapmedic.formats.expvar import FIELDS

GOPS = b"""\
alloc: 12.44MB (13039576 bytes)
total-alloc: 13.26MB (13899080 bytes)
sys: 20.33MB (21321992 bytes)
lookups: 0
mallocs: 60406
frees: 20001
heap-alloc: 12.44MB (13039576 bytes)
heap-sys: 15.66MB (16416768 bytes)
heap-idle: 2.20MB (2301952 bytes)
heap-in-use: 13.46MB (14114816 bytes)
heap-released: 2.20MB (2301952 bytes)
heap-objects: 40405
stack-in-use: 352.00KB (360448 bytes)
stack-sys: 352.00KB (360448 bytes)
stack-mspan-inuse: 243.44KB (249280 bytes)
stack-mspan-sys: 255.00KB (261120 bytes)
stack-mcache-inuse: 4.48KB (4592 bytes)
stack-mcache-sys: 15.70KB (16072 bytes)
other-sys: 756.62KB (774779 bytes)
gc-sys: 1.95MB (2049296 bytes)
next-gc: when heap-alloc >= 14.99MB (15713442 bytes)
last-gc: 2026-11-23 08:03:53.864103367 +0000 UTC
gc-pause-total: 9.245478ms
gc-pause: 125030
gc-pause-end: 1795421033864103367
num-gc: 2
num-forced-gc: 0
gc-cpu-fraction: 0.1329428591823886
enable-gc: true
debug-gc: false
"""
EXPVAR = json.dumps(
    {
        "cmdline": ["/golden"],
        "memstats": {
            **dict.fromkeys(FIELDS.values(), 7), "PauseNs": [1, 2], "PauseEnd": [3, 4], "GCCPUFraction": 0.1,
            "DebugGC": False,
        },
    }
).encode()  # fmt: skip
