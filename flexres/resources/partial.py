"""A resource that was written in part, recorded as such: by the engine's protocol, for which the SDK has no words.

The engine keeps what a failed call has left behind where the error's details say so. The SDK's server for dynamic
providers makes an error of any exception, and without details. But the call itself is in its frames above ours, and
what is added to that call's trailing metadata goes out with the error. Where the SDK changes, a failure is what it was
without: the state has the resource as before.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import grpc  # type: ignore[import-untyped]
from google.protobuf import json_format, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import provider_pb2, status_pb2

_DETAILS: Final = "grpc-status-details-bin"


def record(id_: str, outputs: Mapping[str, Any], reasons: Sequence[str]) -> None:
    """Let the state have these outputs, and these reasons why they are not the inputs, once this call has failed."""
    call = _call()
    if call is None:
        return
    left = provider_pb2.ErrorResourceInitFailed(
        id=id_, properties=json_format.ParseDict(dict(outputs), struct_pb2.Struct()), reasons=reasons
    )
    # The code that the SDK fails with: another one would make the engine doubt the details.
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message="\n".join(reasons))
    status.details.add().Pack(left)
    call.set_trailing_metadata(((_DETAILS, status.SerializeToString()),))


def _call() -> grpc.ServicerContext | None:
    """The engine's call that this thread answers; None where there is none in sight."""
    frame = sys._getframe()
    while frame := frame.f_back:  # type: ignore[assignment]
        call = frame.f_locals.get("context")
        if isinstance(call, grpc.ServicerContext):
            return call
    return None
