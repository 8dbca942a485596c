"""A plan with a managed identity provider, in every shape that its reports have."""

from __future__ import annotations

from dataclasses import replace

from flexres.apply.outcome import Applied, Outcome, Result
from flexres.errors import Problem
from flexres.reconcile.change import Cause, FieldChange, IdpChange, IdpEdit, Kind, Part, Route, UserChange
from flexres.reconcile.idp.model import Differing, IdpPlan, IdpWanted, Stranger, Trouble
from flexres.reconcile.key import Key
from flexres.reconcile.plan import Plan
from flexres.values import ABSENT
from tests.unit.report.samples import desired, in_flex, in_sync_plan

WANTED = IdpWanted(
    provider="Auth0",
    tenant="acme.eu.auth0.com",
    owner="k7m2q9",
    application="Twilio Flex",
    client_id=None,
    acs="https://login.flex.us1.twilio.com/login/callback?connection=JQ1",
    callbacks=("https://login.flex.us1.twilio.com/login/callback?connection=JQ1",),
    addon={"signResponse": True},
    action="Flex claims",
    code="code",
    connection="Staff",
    missing="report",
)


def _field(key: str, before: object, after: object, cause: Cause, route: Route) -> FieldChange:
    return FieldChange(Key.parse(key), before, after, cause, route)  # type: ignore[arg-type]  # a sample's values are JSON


def managed_idp_plan() -> Plan:
    """One user on both sides, one at the provider alone, one made there, one who leaves; and all of a set-up."""
    both = _field("roles", ["agent"], ["agent", "supervisor"], Cause.GIT, Route.PROFILE)
    there = _field("roles", ["agent"], ["agent", "supervisor"], Cause.GIT, Route.IDP)
    login = _field("full_name", "Benn", "Ben", Cause.LOGIN, Route.PROFILE)
    hand = _field("attr:department", "Ops", "Sales", Cause.IDP, Route.IDP)
    gone = _field("roles", ["admin"], ABSENT, Cause.GIT, Route.IDP)
    new = _field("name_id", ABSENT, "new", Cause.GIT, Route.IDP)
    ana, ben, new_user = (desired(f"{name}@example.com") for name in ("ana", "ben", "new"))
    changes = (
        UserChange(
            "ana@example.com", Kind.UPDATE, (both,), ana, in_flex(ana), idp=_edit("auth0|1", "ana@example.com", there)
        ),
        UserChange(
            "ben@example.com", Kind.UPDATE, (login,), ben, in_flex(ben), idp=_edit("auth0|2", "ben@example.com", hand)
        ),
        UserChange("new@example.com", Kind.CREATE, (), new_user, idp=_edit(None, "new@example.com", new)),
        UserChange(
            "max@example.com",
            Kind.RETIRE,
            live=in_flex(desired("max@example.com")),
            idp=_edit("auth0|3", "max@example.com", gone),
        ),
    )
    idp = IdpPlan(
        wanted=WANTED,
        differing=(Differing("certificate", "AB:CD", "EF:01"), Differing("issuer", None, "urn:acme")),
        troubles=(Trouble("connection", Problem("there is no connection Staff", "correct it")),),
        missing=("kim@example.com",),
        strangers=(Stranger("eve@example.com", "auth0|9", ("admin",)),),
        others=("google-oauth2",),
        users=4,
    )
    setup = (
        IdpChange(Part.APPLICATION, "flexres", ABSENT, "k7m2q9", "is marked as this stack's"),
        IdpChange(Part.ADDON, "signResponse", False, True),
        IdpChange(Part.ACTION, "code", ABSENT, "Flex claims", "is made"),
    )
    return replace(in_sync_plan(), changes=(*changes, *setup), idp=idp)


def set_up_alone() -> Plan:
    """Nothing to do but the identity provider's set-up."""
    plan = managed_idp_plan()
    return replace(plan, changes=plan.at_idp)


def _edit(user_id: str | None, email: str, field: FieldChange) -> IdpEdit:
    return IdpEdit(user_id, email, (field,), "Auth0")


def managed_idp_applied() -> Applied:
    """One part done, one that failed, one that waited for it."""
    plan = managed_idp_plan()
    assert plan.idp is not None
    results = (Result.DONE, Result.FAILED, Result.NOT_STARTED)
    messages = ("", "Auth0: the limit is reached", "the action before it failed")
    outcomes = (
        Outcome(change, result, message) for change, result, message in zip(plan.at_idp, results, messages, strict=True)
    )
    return Applied(plan, (*(Outcome(change, Result.DONE) for change in plan.users), *outcomes))
