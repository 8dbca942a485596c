"""The identity provider's set-up: application, SAML2 add-on, action and login flow, compared; `idp` joins the users."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flexres.errors import Problem
from flexres.reconcile.change import IdpChange, Part
from flexres.reconcile.idp.model import Action, Application, Differing, IdpPlan, IdpState, IdpWanted, Trouble
from flexres.values import ABSENT, Value, same


def setup(wanted: IdpWanted, state: IdpState) -> tuple[IdpPlan, tuple[IdpChange, ...]]:
    """What of the set-up is not as declared, and what stands in the way; users are not looked at."""
    application, troubles = _application(wanted, state.applications)
    action, more = _action(wanted, state.actions)
    troubles += more + list(_connection_troubles(wanted, state, application))
    changes: list[IdpChange] = []
    if not any(trouble.about == Part.APPLICATION for trouble in troubles):
        changes += _application_changes(wanted, application)
    if not any(trouble.about == Part.ACTION for trouble in troubles):
        changes += _action_changes(wanted, action, state)
    plan = IdpPlan(
        wanted=wanted,
        application=application,
        action=action,
        flow=state.flow,
        connection=state.connection,
        signing=state.signing,
        differing=tuple(_differing(wanted, state)),
        troubles=tuple(troubles),
        others=tuple(_others(state, application)),
    )
    return plan, tuple(changes)


def chosen_application(wanted: IdpWanted, found: Sequence[Application]) -> Application | None:
    """The application that is meant, if exactly one can be: by its client id, by our mark, or by its name."""
    if wanted.client_id is not None:
        return next((one for one in found if one.client_id == wanted.client_id), None)
    ours = [one for one in found if one.owner == wanted.owner]
    named = [one for one in found if one.name == wanted.application]
    candidates = ours or named
    return candidates[0] if len(candidates) == 1 else None


def _application(wanted: IdpWanted, found: Sequence[Application]) -> tuple[Application | None, list[Trouble]]:
    chosen = chosen_application(wanted, found)
    if chosen is None:
        if wanted.client_id is not None:
            message = f"there is no application with the client id {wanted.client_id}"
            return None, [Trouble(Part.APPLICATION, Problem(message, "correct idp: client_id:, or take it out"))]
        if found:
            ids = ", ".join(sorted(one.client_id for one in found))
            message = f"{len(found)} applications are called {wanted.application}: {ids}"
            hint = "say which with client_id: under idp:, or rename the others"
            return None, [Trouble(Part.APPLICATION, Problem(message, hint))]
        return None, []
    if chosen.owner not in (None, wanted.owner):
        message = f"{chosen.name} ({chosen.client_id}) is managed by stack id {chosen.owner}"
        return chosen, [Trouble(Part.APPLICATION, Problem(message, "give this stack an application: of another name"))]
    if chosen.app_type not in ("regular_web", ""):
        message = f"{chosen.name} ({chosen.client_id}) is of the type {chosen.app_type}, not a regular web application"
        hint = "rename it, or give this stack an application: of another name"
        return chosen, [Trouble(Part.APPLICATION, Problem(message, hint))]
    return chosen, []


def _action(wanted: IdpWanted, found: Sequence[Action]) -> tuple[Action | None, list[Trouble]]:
    chosen = next((one for one in found if one.owner == wanted.owner), None) or next(iter(found), None)
    if chosen is not None and chosen.owner is None:
        message = f"there is an action {chosen.name} already, and flexres did not write it"
        return None, [
            Trouble(Part.ACTION, Problem(message, "rename it, or name ours otherwise with action: under idp:"))
        ]
    if chosen is not None and chosen.owner != wanted.owner:
        message = f"the action {chosen.name} is managed by stack id {chosen.owner}"
        return None, [Trouble(Part.ACTION, Problem(message, "give this stack an action: of another name"))]
    return chosen, []


def _connection_troubles(wanted: IdpWanted, state: IdpState, application: Application | None) -> Iterator[Trouble]:
    connection = state.connection
    if connection is None:
        message = f"there is no connection {wanted.connection}"
        hint = "correct connection: under idp:; nobody can be looked up without it"
        yield Trouble("connection", Problem(message, hint))
        return
    if wanted.missing != "report" and not connection.database:
        message = f"{connection.name} is no database of {wanted.provider}, so users cannot be made in it"
        yield Trouble("connection", Problem(message, "write missing: report under idp:"))
    enabled = connection.enabled_for
    if application is not None and enabled is not None and application.client_id not in enabled:
        message = f"the connection {connection.name} is not enabled for {application.name}: nobody can sign in"
        yield Trouble("connection", Problem(message, "enable it: the application's Connections tab"))


def _others(state: IdpState, application: Application | None) -> Iterator[str]:
    """The connections through which somebody can sign in to the application whom nobody looked at."""
    for one in state.others:
        if application is not None and one.enabled_for is not None and application.client_id in one.enabled_for:
            yield one.name


def _application_changes(wanted: IdpWanted, have: Application | None) -> Iterator[IdpChange]:
    if have is None:
        yield IdpChange(Part.APPLICATION, "name", ABSENT, wanted.application, "is made, with its SAML2 add-on")
        return
    if have.name != wanted.application:
        yield IdpChange(Part.APPLICATION, "name", have.name, wanted.application)
    if have.owner is None:
        yield IdpChange(Part.APPLICATION, "flexres", ABSENT, wanted.owner, "is marked as this stack's")
    addon = have.addon or {}
    for key, want in wanted.addon.items():
        before: Value = addon.get(key, ABSENT)
        if not same(before, want):
            yield IdpChange(Part.ADDON, key, before, want)
    if have.addon is None and not wanted.addon:
        yield IdpChange(Part.ADDON, "enabled", False, True)
    wanted_urls = merged_callbacks(wanted, have)
    if wanted_urls != have.callbacks:
        yield IdpChange(Part.CALLBACKS, "callbacks", list(have.callbacks), list(wanted_urls))


def merged_callbacks(wanted: IdpWanted, have: Application) -> tuple[str, ...]:
    """The allowed callback URLs: Flex's first, which makes it the one that responses go to, and what else is there."""
    return (*wanted.callbacks, *(url for url in have.callbacks if url not in wanted.callbacks))


def _action_changes(wanted: IdpWanted, have: Action | None, state: IdpState) -> Iterator[IdpChange]:
    if have is None:
        says = "is made, deployed and bound at the end of the login flow"
        yield IdpChange(Part.ACTION, "code", ABSENT, wanted.action, says)
        return
    if have.name != wanted.action:
        yield IdpChange(Part.ACTION, "name", have.name, wanted.action)
    if have.code != wanted.code:
        says = "its code is not the one of this YAML" + ("" if have.deployed == have.code else ", and was not deployed")
        yield IdpChange(Part.ACTION, "code", have.code, wanted.code, says)
    if have.deployed != wanted.code:
        says = "is not deployed yet" if have.deployed is None else "another version runs than the one of this YAML"
        yield IdpChange(Part.DEPLOYMENT, "deployed", ABSENT, wanted.action, says)
    if not any(binding.action_id == have.action_id for binding in state.flow):
        others = len(state.flow)
        says = f"is bound after the {others} that are there" if others else "is bound"
        yield IdpChange(Part.FLOW, "bound", ABSENT, wanted.action, says)


def _differing(wanted: IdpWanted, state: IdpState) -> Iterator[Differing]:
    signing = state.signing
    if signing is None:
        return
    if wanted.issuer != signing.issuer:
        yield Differing("issuer", wanted.issuer, signing.issuer)
    if wanted.sso_url != signing.sso_url:
        yield Differing("sso_url", wanted.sso_url, signing.sso_url)
    if wanted.fingerprint != signing.fingerprint:
        yield Differing("certificate", wanted.fingerprint, signing.fingerprint)
