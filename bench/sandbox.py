"""`python -m bench.sandbox STATE LATENCY`: the local Flex that is measured against; prints its URL once it answers."""

from __future__ import annotations

import sys
from pathlib import Path

from flexres.sandbox.server import serve
from flexres.sandbox.setup import Setup

if __name__ == "__main__":
    state, latency = sys.argv[1:]
    serve(
        Setup(state=Path(state) if state else None, latency=float(latency), limits="none"),
        ready=lambda url: print(url, flush=True),
    )
