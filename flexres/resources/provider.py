"""The plumbing that all resources share: the engine's calls as calls on the stack's run, a few lines left to each kind.

What a provider is named, module and class, stands in users' states (docs/pulumi.md): it is data and never changes.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, ClassVar, TypeVar

from pulumi import ResourceOptions, dynamic
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)

from flexres.errors import Exit
from flexres.resources import partial, process
from flexres.resources.process import Declared, Failed, Resource
from flexres.resources.properties import PROVIDER, Properties, plain
from flexres.resources.run import Run
from flexres.values import same

T = TypeVar("T")


class OneOfMany(dynamic.Resource):
    """A resource of which a program may declare thousands, and of which nobody takes an output."""

    def __init__(self, provider: ResourceProvider, name: str, properties: Properties, opts: ResourceOptions) -> None:
        self._given = tuple(properties)
        super().__init__(provider, name, properties, opts)

    def forget(self) -> None:
        """Let go of the outputs, once it is registered: the SDK keeps four futures for each, as long as the program."""
        for name in self._given:
            vars(self).pop(name, None)


class Provider(ResourceProvider):
    """Holds nothing, and is pickled by reference into the state of each resource.

    A kind says what it is called, what its check fills in or refuses, what it writes and what Flex has of it. `kind` is
    the name of its type; a resource is called by its property `key`, or `name` where there is one a stack. `computed`
    are the properties that no program gives. `looks` and `leaves` say whether its state and its end concern Flex.
    """

    serialize_as_secret_always = False
    kind: ClassVar[str]
    name: ClassVar[str] = ""
    key: ClassVar[str] = ""
    computed: ClassVar[frozenset[str]] = frozenset()
    looks: ClassVar[bool] = False
    leaves: ClassVar[bool] = False

    async def checked(self, run: Run, inputs: Properties) -> Properties:
        """The inputs to go on with. Raises RefusedError with what the engine shows as the resource's problem."""
        await run.allowed()
        return inputs

    def people(self, inputs: Properties) -> Iterable[str]:
        """The usernames of those whom the resource holds."""
        return ()

    def stood(self, run: Run, before: Properties, inputs: Properties) -> None:
        """Take note of whom the state held in the resource, be it that nothing was read before."""

    def differs(self, before: Properties, after: Properties) -> bool:
        """Whether there is something to write."""
        return not same(self.given(before), self.given(after))

    async def write(self, run: Run, inputs: Properties) -> Properties:
        """Make it so, be it new or not, and return the outputs. Raises FlexresError where that fails."""
        raise NotImplementedError

    async def left(self, run: Run, inputs: Properties) -> Properties | None:
        """The outputs as a write has left it that was done in part; None where that is nothing, or nobody can say."""
        return None

    async def leave(self, run: Run, inputs: Properties) -> None:
        """Its end. Raises FlexresError where that fails."""
        raise NotImplementedError

    async def seen(self, run: Run, known: Properties) -> Properties | None:
        """What Flex has of it now, None where it is gone."""
        raise NotImplementedError

    def configure(self, _req: ConfigureRequest) -> None:
        """Ready the process. Pulumi's config is not read: it would stay in the state, and be used stale."""
        process.configure()

    def check(self, olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        inputs = plain(news)
        process.process().declared.add(self._key(inputs))

        async def checked(run: Run) -> Properties:
            before = plain(olds)
            if before:
                self.stood(run, before, inputs)
            else:
                run.anew |= set(self.people(inputs))
            return await self.checked(run, inputs)

        try:
            return CheckResult(self.call(inputs, checked), [])
        except Failed as failed:
            if failed.exit is not Exit.REFUSED:
                raise
            return CheckResult(inputs, [CheckFailure("", str(failed))])

    def diff(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> DiffResult:
        before, after = plain(olds), plain(news)
        # A state that names another stack is to be put right, whatever that stack would have to do.
        return DiffResult(changes=self.differs(before, after) or before.get("stack") != after.get("stack"))

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult(self._name(plain(props)), self._written(props))

    def update(self, _id: str, olds: dict[str, Any], news: dict[str, Any]) -> UpdateResult:
        return UpdateResult(self._written(news, olds))

    def delete(self, id_: str, props: dict[str, Any]) -> None:
        if self.leaves:
            inputs = self._known(id_, props)
            self.call(inputs, lambda run: self.leave(run, inputs))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        if not self.looks:
            return ReadResult(id_, plain(props), self.given(plain(props)))
        known = self._known(id_, props)
        resource = Resource(self.kind, self._name(known))
        found = process.process().read(resource, known, lambda run: self.seen(run, known))
        # The engine takes no id for "gone", and insists on a map of outputs all the same.
        return ReadResult("", {}) if found is None else ReadResult(resource.name, dict(found), found)

    def call(self, inputs: Properties, action: Callable[[Run], Awaitable[T]]) -> T:
        """Carry out `action` on the run of the stack that the properties name. Raises Failed in one line."""
        return process.process().call(Resource(self.kind, self._name(inputs)), inputs, action)

    def _written(self, props: dict[str, Any], before: dict[str, Any] | None = None) -> Properties:
        """The outputs of a write; one that was done in part is recorded as such. Raises Failed as `call` does."""
        inputs = plain(props)
        try:
            return self.call(inputs, lambda run: self.write(run, inputs))
        except Failed as failed:
            left = self.call(inputs, lambda run: self.left(run, inputs)) if failed.lines else None
            if left is not None and (before is None or not same(left, plain(before))):
                partial.record(self._name(inputs), {**left, PROVIDER: props[PROVIDER]}, failed.lines)
            raise

    def declared(self, properties: Properties) -> bool:
        """Whether the program has declared it in this process; before that the engine is refreshing."""
        return self._key(properties) in process.process().declared

    def given(self, properties: Properties) -> Properties:
        """Those properties that a program gives."""
        return {key: value for key, value in properties.items() if key not in self.computed}

    def _known(self, id_: str, props: dict[str, Any]) -> Properties:
        return {**({self.key: id_} if self.key else {}), **plain(props)}

    def _key(self, inputs: Properties) -> Declared:
        return Declared(self.kind, str(inputs.get("stack", "")), self._name(inputs))

    def _name(self, inputs: Properties) -> str:
        return str(inputs.get(self.key, "")) if self.key else self.name
