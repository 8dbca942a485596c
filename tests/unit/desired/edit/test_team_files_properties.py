"""Writing users into YAML, for all users: what is written loads as exactly that, fresh or into files with defaults."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from io import StringIO
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from flexres.desired.edit.entry import edit_map
from flexres.desired.edit.style import styled
from flexres.desired.edit.team_files import Overlay, rewritten
from flexres.desired.load import Stack, load_stack
from flexres.desired.model import Channel, DesiredUser
from flexres.desired.users import merge_maps
from flexres.live.model import Snapshot
from flexres.reconcile.export.users import export_users
from flexres.values import same
from tests.unit.desired.stacks import FLEX, TextSource
from tests.unit.reconcile.live_users import snapshots


def load(source: Any) -> Stack:
    return load_stack(source, name="test", may_be_empty=True)


def users_of(stack: Stack) -> dict[str, DesiredUser]:
    return {name: replace(user, file="") for name, user in stack.users.items()}


def overlaid(source: Any, files: Any) -> Overlay:
    return Overlay(source, {file.name: file.after for file in files}, "stacks/test")


@given(live=snapshots(), by=st.sampled_from([None, "team_name", "country"]))
@settings(max_examples=200, deadline=None)
def test_a_fresh_export_loads_as_the_same_users(live: Snapshot, by: str | None) -> None:
    """Whatever Flex holds: texts that look like other types, all of Unicode, lists, maps, numbers."""
    wanted = export_users(live, channels=True).users
    source = TextSource({"flex.yaml": FLEX})
    files = rewritten(source, load(source), wanted, by=by)
    assert users_of(load(overlaid(source, files))) == wanted


NAMES = ("ana@example.com", "ben@example.com", "cho@example.com")
SCALARS = st.sampled_from([1, 2.5, True, "en", "yes", "a: b", ""])
LEAVES = st.one_of(SCALARS, st.lists(SCALARS, max_size=2))
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["level", "country", "shift", "nested"]),
    st.one_of(LEAVES, st.dictionaries(st.sampled_from(["x", "y"]), st.one_of(LEAVES, st.just({})), max_size=2)),
    max_size=3,
)
SKILLS = st.dictionaries(st.sampled_from(["billing", "returns"]), st.sampled_from([1, 2, True]), max_size=2)
CHANNELS = st.dictionaries(
    st.sampled_from(["voice", "chat"]),
    st.sampled_from([{"available": True}, {"available": False, "capacity": 2}, {"capacity": 1}]),
    max_size=2,
)
INSIGHTS = st.dictionaries(
    st.sampled_from(["department", "location"]), st.sampled_from(["Sales", "London"]), max_size=2
)
SHARED = {
    "roles": st.sampled_from([["agent"], ["supervisor", "agent"]]),
    "skills": SKILLS,
    "attributes": ATTRIBUTES,
    "channels": CHANNELS,
    "insights": INSIGHTS,
    "image_url": st.just("https://example.com/all.png"),
    "until": st.just("2027-01-31"),
}


def opted(fields: Mapping[str, Any]) -> dict[str, st.SearchStrategy[Any]]:
    """The same fields, each perhaps a null."""
    return {name: st.one_of(values, st.none()) for name, values in fields.items()}


ENTRIES = st.fixed_dictionaries(
    {"full_name": st.sampled_from(["Ana Ruiz", "Ben Ok"])},
    optional={
        **opted({name: values for name, values in SHARED.items() if name != "roles"}),
        "roles": SHARED["roles"],
        "email": st.just("other@example.com"),
        "contact_uri": st.just("+14155550123"),
    },
)
DEFAULTS = st.fixed_dictionaries({"roles": SHARED["roles"]}, optional={k: v for k, v in SHARED.items() if k != "roles"})
URLS = st.dictionaries(st.sampled_from(["department", "image_url"]), st.just("https://example.com/a"), max_size=2)
WANTED = st.builds(
    DesiredUser,
    username=st.just(""),
    full_name=st.sampled_from(["Ana Ruiz", "Cho Kim"]),
    email=st.sampled_from(["other@example.com", "own"]),
    roles=st.sampled_from([("agent",), ("admin", "agent"), ("agent", "supervisor")]),
    attributes=st.builds(lambda some, more: {**some, **more}, ATTRIBUTES, URLS),
    skills=st.none() | SKILLS,
    skills_exact=st.just(False),
    channels=CHANNELS.map(lambda found: {name: Channel(**settings) for name, settings in found.items()}),
    until=st.none(),
    previously=st.none(),
    file=st.just(""),
)


def as_text(value: Any, *, mapping: int = 2, flow: bool = False) -> str:
    yaml, stream = YAML(), StringIO()
    yaml.default_flow_style = flow
    yaml.width = 1000
    yaml.indent(mapping=mapping, sequence=mapping + 2, offset=2)
    yaml.dump({name: styled(item) for name, item in value.items()} if flow else value, stream)
    return stream.getvalue()


@given(
    stack_defaults=DEFAULTS,
    file_defaults=DEFAULTS,
    entries=st.dictionaries(st.sampled_from(NAMES), ENTRIES, max_size=3),
    wanted=st.dictionaries(st.sampled_from(NAMES), WANTED, max_size=3),
    mapping=st.sampled_from([2, 4]),
    flow=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
)
@settings(max_examples=300, deadline=None)
def test_an_export_into_files_with_defaults_loads_as_wanted_and_settles(
    stack_defaults: Any, file_defaults: Any, entries: Any, wanted: Any, mapping: int, flow: bool, end: str
) -> None:
    """Through every default and opt-out, in every layout; a second export changes nothing."""
    flex = FLEX + as_text({"defaults": stack_defaults})
    team = as_text({"defaults": file_defaults, "users": entries}, mapping=mapping, flow=flow).replace("\n", end)
    source = TextSource({"flex.yaml": flex, "users/team.yaml": team})
    before = load(source)
    wanted = {
        name: replace(
            user,
            username=name,
            email=name if user.email == "own" else user.email,
            skills_exact=before.users[name].skills_exact if name in before.users else False,
            until=before.users[name].until if name in before.users else None,
        )
        for name, user in wanted.items()
    }
    gone = before.users.keys() - wanted.keys()
    files = rewritten(source, before, wanted, prune=gone)
    after = overlaid(source, files)
    assert users_of(load(after)) == wanted
    assert rewritten(after, load(after), wanted) == ()


@given(base=ATTRIBUTES, own=ATTRIBUTES, want=ATTRIBUTES)
def test_merging_what_was_edited_gives_what_was_wanted(base: Any, own: Any, want: Any) -> None:
    """The rule beneath: nulls opt out, and what the defaults say is not repeated."""
    raw = styled(own)
    edit_map(raw, own, base, want)
    plain = json.loads(json.dumps(raw))
    assert same(merge_maps(base, plain), want)
    assert not any(key in base and same(base[key], value) for key, value in plain.items() if value != own.get(key))
