"""The SDK's own plugin server, which the engine starts for dynamic resources, with a test as its engine."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc
from google.protobuf import json_format, struct_pb2
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from flexres.resources.departures import DeparturesProvider
from flexres.resources.identity_provider import IdentityProviderProvider
from flexres.resources.roster import RosterProvider
from flexres.resources.sso_connection import SsoConnectionProvider
from flexres.resources.team import TeamProvider
from flexres.resources.trusted_domain import TrustedDomainProvider
from flexres.resources.user import UserProvider

from .conftest import Project

PROVIDERS = {
    "User": UserProvider,
    "Team": TeamProvider,
    "Roster": RosterProvider,
    "Departures": DeparturesProvider,
    "SsoConnection": SsoConnectionProvider,
    "TrustedDomain": TrustedDomainProvider,
    "IdentityProvider": IdentityProviderProvider,
}
Properties = Mapping[str, Any]


class Plugin:
    """Calls of the provider protocol on one kind of resource each, with properties as plain values."""

    def __init__(self, process: subprocess.Popen[bytes], port: int) -> None:
        self.process = process
        # As much as the engine takes.
        options = [("grpc.max_metadata_size", 1 << 24), ("grpc.absolute_max_metadata_size", 1 << 24)]
        self._stub = provider_pb2_grpc.ResourceProviderStub(grpc.insecure_channel(f"127.0.0.1:{port}", options))
        self._stub.Configure(provider_pb2.ConfigureRequest())

    def check(self, kind: str, news: Properties, olds: Properties | None = None) -> tuple[dict[str, Any], list[str]]:
        """The checked inputs, and the reasons of all failures."""
        request = provider_pb2.CheckRequest(olds=_struct(kind, olds or {}), news=_struct(kind, news))
        answer = self._stub.Check(request)
        return _plain(answer.inputs), [failure.reason for failure in answer.failures]

    def diff(self, kind: str, olds: Properties, news: Properties) -> bool:
        """Whether there is something to do."""
        request = provider_pb2.DiffRequest(id="x", olds=_struct(kind, olds), news=_struct(kind, news))
        changes: int = self._stub.Diff(request).changes
        return changes == provider_pb2.DiffResponse.DIFF_SOME

    def create(self, kind: str, news: Properties) -> tuple[str, dict[str, Any]]:
        """The new id and the outputs."""
        answer = self._stub.Create(provider_pb2.CreateRequest(properties=_struct(kind, news)))
        return answer.id, _plain(answer.properties)

    def update(self, kind: str, olds: Properties, news: Properties) -> dict[str, Any]:
        """The outputs."""
        request = provider_pb2.UpdateRequest(id="x", olds=_struct(kind, olds), news=_struct(kind, news))
        return _plain(self._stub.Update(request).properties)

    def delete(self, kind: str, properties: Properties) -> None:
        """Nothing, or an error."""
        self._stub.Delete(provider_pb2.DeleteRequest(id="x", properties=_struct(kind, properties)))

    def read(self, kind: str, properties: Properties) -> tuple[str, dict[str, Any]]:
        """The id (empty: gone) and the inputs as Flex has them."""
        answer = self._stub.Read(provider_pb2.ReadRequest(id="x", properties=_struct(kind, properties)))
        return answer.id, _plain(answer.inputs)


@contextmanager
def plugin(project: Project, environ: Mapping[str, str] | None = None) -> Iterator[Plugin]:
    """The server, started in the project's folder as the engine starts it."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "pulumi.dynamic"],
        cwd=project.folder,
        env={**project.environ, **(environ or {})},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield Plugin(process, int(process.stdout.readline()))
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def pickled(kind: str) -> str:
    """What the state holds of a provider."""
    text: str = serialize_provider(PROVIDERS[kind]())
    return text


def reason(error: grpc.RpcError) -> str:
    """What the engine would show of a failed call."""
    return str(error.details()).strip()


def left(error: grpc.RpcError) -> tuple[str, dict[str, Any], list[str]] | None:
    """What a failed call lets the engine record: id, outputs, and why they are not the inputs."""
    details = dict(error.trailing_metadata()).get("grpc-status-details-bin")
    if details is None:
        return None
    status = status_pb2.Status.FromString(details)
    assert status.code == error.code().value[0], "otherwise the engine doubts the details"
    found = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(found)
    return found.id, _plain(found.properties), list(found.reasons)


def _struct(kind: str, properties: Properties) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    json_format.ParseDict({**properties, "__provider": pickled(kind)}, struct)
    return struct


def _plain(struct: struct_pb2.Struct) -> dict[str, Any]:
    return {key: value for key, value in json_format.MessageToDict(struct).items() if key != "__provider"}


def unpickled(text: str) -> bytes:
    """The pickle's bytes."""
    return base64.b64decode(text)
