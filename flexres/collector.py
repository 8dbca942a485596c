"""The garbage collector held back while tens of thousands of values are made, beneath `desired` and `session`."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_collector() -> Iterator[None]:
    """No cyclic collection meanwhile: it would walk all users again and again, and there are no cycles among them.

    What was made is frozen afterwards, or the first collection would walk it all at once.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.freeze()
            gc.enable()
