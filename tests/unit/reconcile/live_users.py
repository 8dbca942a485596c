"""Live users of every kind for property tests of the export: most plausible, some of them hostile."""

from __future__ import annotations

import string
from typing import Any

from hypothesis import strategies as st

from flexres.live.model import LiveUser, Snapshot
from flexres.reconcile.marker import Marker
from tests.unit.reconcile.builders import OTHER_ID, STACK_ID, channel, in_flex, snapshot

AWKWARD = [
    "", " ", "yes", "No", "null", "~", "true", "012", "0x1F", "1_000", "1.5", ".nan", "2027-01-31", "1e3", "=",
    "a: b", "a #b", "- a", "? a", "&a", "*a", "!a", "%a", "@a", "`a`", "'", '"', "\\", "{a}", "[a]", "a,b", "a\nb",
    "a\r\nb", "\ta", " a", "a ", "\x00", "\x85", "\u2028", "\ufeff", "\u200b", "é", "名前", "😀", "\ud800", "<<",
    "level.int", "level.Int", "channel.voice.capacity", "roles", "team_sid", "department", "team_name", "x" * 200,
]  # fmt: skip
NAMES = st.sampled_from(["level", "vip", "department", "team_name", "country", "note", "image_url", "contact_uri"])
TEXTS = st.one_of(st.sampled_from(AWKWARD), st.text(max_size=12), st.text(string.printable, max_size=12))
SCALARS = st.one_of(
    TEXTS,
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.integers(0, 9),
    st.floats(width=64),
)
VALUES = st.recursive(
    SCALARS,
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(TEXTS, below, max_size=3)),
    max_leaves=6,
)
ATTRIBUTES = st.dictionaries(st.one_of(NAMES, TEXTS), VALUES, max_size=6)
LEVELS = st.one_of(st.integers(0, 5), st.integers(-2, 2), st.just(2.0), st.none(), st.booleans(), st.just("3"))
ROUTING = st.one_of(
    st.none(),
    st.builds(
        lambda skills, levels: {"skills": skills, "levels": levels},
        st.lists(st.one_of(st.sampled_from(["billing", "returns", "fraud"]), TEXTS), max_size=3),
        st.dictionaries(st.sampled_from(["billing", "returns", "fraud"]), LEVELS, max_size=3),
    ),
    st.just({"skills": "billing"}),
    st.just({"status": "by a plugin"}),
)
ROLES = st.one_of(
    st.sampled_from([("agent",), ("supervisor", "agent"), ("admin",), ("agent", "wfo.team_leader")]),
    st.lists(st.sampled_from(["agent", "owner", "wfo.team_leader", "agent"]), max_size=3).map(tuple),
)
MARKERS = st.one_of(
    st.none(),
    st.none(),
    st.sampled_from([Marker(OTHER_ID), "somebody's", Marker(STACK_ID, leaving=1_700_000_000)]),
)
CHANNELS = st.none() | st.lists(
    st.builds(channel, st.sampled_from(["voice", "chat", "sms"]), available=st.booleans(), capacity=st.integers(0, 60)),
    unique_by=lambda found: found.name,
    max_size=3,
)


@st.composite
def live_users(draw: st.DrawFn, username: str) -> LiveUser:
    """One live user of this name."""
    attributes: dict[str, Any] = draw(ATTRIBUTES)
    routing = draw(ROUTING)
    if routing is not None:
        attributes["routing"] = routing
    if draw(st.booleans()):
        attributes["contact_uri"] = draw(
            st.sampled_from(
                [f"client:{username}", "client:ana_40example_2Ecom", "sip:ana@pbx.example.com", "+15550", "?"]
            )
        )
    kind = draw(st.sampled_from(["plain"] * 8 + ["deactivated", "no worker", "broken"]))
    return in_flex(
        username,
        full_name=draw(st.one_of(st.just("Ana Ruiz"), TEXTS)),
        email=draw(st.one_of(st.none(), st.sampled_from(["ana@example.com", "ANA@example.com", "no address"]))),
        roles=draw(ROLES),
        attributes=attributes,
        text="[]" if kind == "broken" else None,
        marker=draw(MARKERS),
        channels=draw(CHANNELS),
        worker=kind != "no worker",
        deactivated="2026-01-01T00:00:00Z" if kind == "deactivated" else None,
    )


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """A Flex of a few users, whose names are plausible, awkward or alike."""
    plausible = st.sampled_from(["ana@example.com", "ben@example.com", "Ana@example.com", "cho", "dee@example.com"])
    names = draw(st.lists(st.one_of(plausible, plausible, TEXTS), max_size=4, unique=True))
    return snapshot(*(draw(live_users(name)) for name in names))
