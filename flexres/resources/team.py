"""`Team`: the users of one team file as one resource, named as the file; each call is a few lines over the run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pulumi import ResourceOptions

from flexres.desired.model import DesiredUser
from flexres.errors import RefusedError
from flexres.reconcile.change import Arrival
from flexres.resources.messages import Members, differences
from flexres.resources.properties import OWN, Properties, desired_properties, live_properties
from flexres.resources.provider import OneOfMany, Provider
from flexres.resources.run import Run
from flexres.values import canonical

USERS: Final = "users"
"""The property that maps usernames to what would be a `User`'s properties, each as one JSON text.

A text costs the engine and its SDK a tenth of what a map costs, which they copy, log and send value by value; and they
show what differs within it all the same.
"""


class TeamProvider(Provider):
    """Writes its users side by side. Who leaves a team that stays is left to `Departures`, which comes after all."""

    kind = "Team"
    key = "team"
    looks = True
    leaves = True

    async def checked(self, run: Run, inputs: Properties) -> Properties:
        """Whether the program and this process read the same YAML; a guard's refusal holds for a target alone, too."""
        declared = run.session.wanted.users
        for username, properties in inputs[USERS].items():
            user = declared.get(username)
            if user is None or properties != of_one(inputs["stack"], user):
                raise RefusedError(f"{username} has changed in the YAML since the program read it: run it again")
        changes = (await run.allowed()).changes
        # Of a team that is new the engine asks no difference: it would say no more than that it creates it.
        new = [name for name in _users(inputs) if name in run.anew and isinstance(changes.get(name), Arrival)]
        people = {name: _decoded(inputs[USERS][name]) for name in new}
        _say(run, inputs, {}, people)
        return inputs

    def people(self, inputs: Properties) -> Iterable[str]:
        return _users(inputs)

    def stood(self, run: Run, before: Properties, inputs: Properties) -> None:
        stood = _users(before)
        run.in_teams = {**dict.fromkeys(stood, str(inputs["team"])), **run.in_teams}
        run.joining |= _users(inputs).keys() - stood.keys()

    def differs(self, before: Properties, after: Properties) -> bool:
        """Before the program has spoken this is a refresh, which asks what differs; then it asks what is to be done."""
        if not self.declared(after):
            return super().differs(before, after)
        return self.call(after, lambda run: self._pending(run, before, after))

    async def _pending(self, run: Run, before: Properties, after: Properties) -> bool:
        """Whether there is something to be done; then what it is, which the engine's own line does not say.

        Who is in the team is to stand in the state even where nothing is done in Flex: a refresh reads whom it names.
        """
        stood, declared = _users(before), _users(after)
        moved = before.get("stack") != after["stack"]
        found = moved or stood.keys() != declared.keys() or await run.any_pending(declared)
        if found:
            changed = {name for name in {*stood, *declared} if stood.get(name) != declared.get(name)}
            old, new = ({name: _decoded(side[name]) for name in changed if name in side} for side in (stood, declared))
            _say(run, after, old, new)
        return found

    async def write(self, run: Run, inputs: Properties) -> Properties:
        await run.make_so(*sorted(inputs[USERS]))
        return inputs

    async def leave(self, run: Run, inputs: Properties) -> None:
        await run.retire(*_users(inputs))

    async def left(self, run: Run, inputs: Properties) -> Properties | None:
        await run.look_again(inputs[USERS])
        found = await self._now(run, inputs)
        return found if found[USERS] else None

    async def seen(self, run: Run, known: Properties) -> Properties:
        run.looked = True
        run.in_teams |= dict.fromkeys(_users(known), str(known["team"]))
        return await self._now(run, known)

    async def _now(self, run: Run, known: Properties) -> Properties:
        users = {name: _decoded(text) for name, text in _users(known).items()}
        wanted = run.session.wanted
        found = {}
        for name, live in (await run.reading.users(users)).items():
            properties = live_properties(users[name], live, wanted.users.get(name), wanted.scope, wanted.config.id)
            found[name] = canonical(properties)
        return {**known, USERS: found}


class Team(OneOfMany, module="flexres", name="Team"):
    """A team file of the stack."""

    def __init__(self, prefix: str, properties: Mapping[str, Any], opts: ResourceOptions) -> None:
        super().__init__(_PROVIDER, f"{prefix}{properties['team']}", dict(properties), opts)


_PROVIDER = TeamProvider()


def team_properties(stack: str, team: str, users: Iterable[DesiredUser]) -> Properties:
    """What the YAML declares of a team's users."""
    return {"stack": stack, "team": team, USERS: {user.username: of_one(stack, user) for user in users}}


def of_one(stack: str, user: DesiredUser) -> str:
    """A user's properties within a team, where stack and username are said already: one JSON text."""
    return canonical({key: value for key, value in desired_properties(stack, user).items() if key not in OWN})


def _say(run: Run, team: Properties, before: Members, after: Members) -> None:
    """Tell what differs among a team's users, each with the line of the YAML that declares them."""
    lines = differences(before, after, run.session.stack.line_of)
    run.say(f"Team {team['team']}: {line}" for line in lines)


def _users(properties: Properties) -> Mapping[str, Any]:
    """The users among the properties of a state, which may be whatever a hand has made of them."""
    users = properties.get(USERS)
    return users if isinstance(users, Mapping) else {}


def _decoded(text: object) -> Properties:
    """A user's properties; none of what is no JSON object."""
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}
