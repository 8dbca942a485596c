"""What the provider has to say besides the result of a call: lines of the engine's own log, beneath the stack."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Final

import grpc  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

_PATIENCE: Final = 5.0


class Teller:
    """Says lines to the engine that started this process, or to nobody where none did."""

    def __init__(self, engine: str | None) -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine)) if engine else None

    def note(self, text: str) -> None:
        """A line that informs."""
        self._say(engine_pb2.INFO, text)

    def warn(self, text: str) -> None:
        """A line that somebody should read."""
        self._say(engine_pb2.WARNING, text)

    def _say(self, severity: engine_pb2.LogSeverity.ValueType, text: str) -> None:
        if self._engine is None:
            return
        try:
            self._engine.Log(engine_pb2.LogRequest(severity=severity, message=text), timeout=_PATIENCE)
        except grpc.RpcError:
            # The engine is gone or ending; what was to be said is in the journal, too.
            self._engine = None


def engine_address(arguments: Sequence[str] = tuple(sys.argv)) -> str | None:
    """The address that the engine passes to the plugins it starts, as their first argument."""
    return arguments[1] if len(arguments) > 1 and ":" in arguments[1] else None
