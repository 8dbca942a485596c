"""The JSON Schemas: current in docs/, no stricter than the loader, and red where people slip."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from flexres.desired.schema.json_schema import Kind, json_schema
from flexres.desired.yaml.values import Unusual, read_values
from tests.unit.desired.stacks import FLEX, bad_stacks, load, problems_of

ROOT = Path(__file__).parents[4]
KINDS: tuple[Kind, ...] = ("flex", "users")
VALIDATORS = {kind: Draft202012Validator(json_schema(kind)) for kind in KINDS}

# What a schema cannot know: other files, other fields, defaults, calendars, files on disk, what YAML hides.
BEYOND = {
    "attributes-and_insights", "attributes-huge_number", "attributes-not_a_number", "attributes-too_large",
    "attributes-twice", "email-missing", "which_files-beside_flex", "which_files-capital_suffix", "which_files-nested",
    "flex_yaml-auto_without_endpoint", "flex_yaml-leaver_declared", "full_name-missing", "full_name-two_lines",
    "previously-declared", "previously-self", "previously-twice", "roles-missing", "roles-none", "roles-only_insights",
    "roles-twice", "sso-certificate_absolute", "sso-certificate_is_text", "sso-certificate_missing",
    "sso-certificate_outside", "sso-certificate_private_key", "sso-certificate_truncated", "sso-certificate_twice",
    "sso-claim_declared", "sso-missing_fields", "sso-redirect_uncovered", "sso-self_hosted", "sso-session_short",
    "sso-trusted_enhanced", "sso-trusted_legacy", "until-impossible", "usernames-case",
    "usernames-in_two_files", "roles-insights_misspelled", "usernames-hangul_filler",
}  # fmt: skip


def kind_of(name: str) -> Kind:
    """Which schema is for a file."""
    return "flex" if name == "flex.yaml" else "users"


def readable(text: str) -> Any:
    """The values of a YAML text, or Unusual itself where an editor already complains of its form."""
    try:
        return read_values(text.encode())
    except Unusual:
        return Unusual


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_one_and_describes_its_fields(kind: Kind) -> None:
    """Hovering shows something at every field."""
    schema = json_schema(kind)

    Draft202012Validator.check_schema(schema)
    assert all("description" in field for field in schema["properties"].values())


@pytest.mark.parametrize("kind", KINDS)
def test_the_committed_schema_is_current(kind: Kind) -> None:
    """Editors read the file in docs/schema: write it anew with `flexres schema`."""
    committed = (ROOT / "docs" / "schema" / f"{kind}.schema.json").read_text(encoding="utf-8")

    assert committed == json.dumps(json_schema(kind), indent=2, ensure_ascii=False) + "\n"


@pytest.mark.parametrize("path", sorted((ROOT / "stacks").glob("*/**/*.yaml")), ids=lambda path: path.name)
def test_shipped_stacks_are_valid_and_name_their_schema(path: Path) -> None:
    """The first line leads an editor to the schema, by a path that exists."""
    text = path.read_text(encoding="utf-8")
    modeline = "# yaml-language-server: $schema="

    assert text.startswith(modeline)
    assert (path.parent / text.splitlines()[0].removeprefix(modeline)).is_file()
    assert not list(VALIDATORS[kind_of(path.name)].iter_errors(readable(text)))


@pytest.mark.parametrize("case", [case for case in bad_stacks() if case.name not in BEYOND], ids=lambda case: case.name)
def test_the_usual_mistakes_are_red_in_an_editor(case: Any) -> None:
    """Whatever one file alone shows to be wrong."""
    values = {name: readable(text) for name, text in case.files.items() if name.endswith(".yaml")}

    assert any(value is Unusual or list(VALIDATORS[kind_of(name)].iter_errors(value)) for name, value in values.items())


names = st.sampled_from(
    ["a", "level", "level.int", "tags.stringarray", "a.intarray", "b.booleanarray", "c.boolean", "x.y"]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-5, 60)
    | st.floats(-2, 2)
    | st.sampled_from(["a", "1", "true", "1,2", "a,b", ""])
)
attributes = st.dictionaries(
    names, scalars | st.lists(scalars, max_size=2) | st.dictionaries(names, scalars, max_size=2), max_size=3
)
channels = st.fixed_dictionaries({}, optional={"capacity": scalars, "available": scalars})
entries = st.fixed_dictionaries(
    {},
    optional={
        "full_name": st.sampled_from(["Ana", None, "", 3]),
        "email": st.sampled_from(["a@example.com", "a@b", None]),
        "roles": st.lists(st.sampled_from(["agent", "admin", "wfo.team_leadr", "Agent"]), max_size=2) | st.none(),
        "skills": st.dictionaries(st.sampled_from(["a", "b", ""]), scalars, max_size=2) | st.none(),
        "skills_exact": st.booleans() | st.none(),
        "attributes": attributes | st.none(),
        "channels": st.dictionaries(st.just("chat"), channels | st.none()),
        "insights": st.fixed_dictionaries({}, optional={"team_id": scalars, "phone": scalars}),
        "contact_uri": st.sampled_from(["client:a_b", "sip:a@b.example.com", "sips:a@[::1]:5061", "+14155550123", "x"]),
        "image_url": st.sampled_from(["https://example.com/a", "ftp://x", None]),
        "until": st.sampled_from(["2027-01-31", "2027-13-01", None]),
        "previously": st.sampled_from(["old@example.com", "x ", None]),
    },
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(entries, entries)
def test_whatever_the_loader_accepts_the_schema_accepts(entry: Any, defaults: Any) -> None:
    """A red line in an editor that is no error would teach people to look away."""
    shared = {
        name: value
        for name, value in defaults.items()
        if name not in ("full_name", "email", "contact_uri", "previously")
    }
    document = {"defaults": shared, "users": {"ana@example.com": entry}}
    if problems_of(json.dumps(document)):
        return

    assert not list(VALIDATORS["users"].iter_errors(document))


def test_a_full_flex_yaml_is_valid() -> None:
    """Every field of the policy, both forms of a limit."""
    text = FLEX + (
        "endpoint: http://127.0.0.1:4010\ndefaults: {attributes: {level.int: '3', x: null}}\nidp:\n"
        "policy: {timezone: Europe/London, retire: keep, retire_when: now, retire_within: 7d, unmanaged: ignore,\n"
        "  max_removals: 100%, max_changes: 5, min_admins: 0, protected: [a], email_domains: [a-b.example.com],\n"
        "  approved: ["
        "{digest: mamojp6ufh37zdc46jnabecr2g, for: x, until: 2027-02-14}], console_changes: fail, "
        "unmanaged_admins: fail}\nleavers: []\nsso:\n"
    )

    load(flex=text)
    assert not list(VALIDATORS["flex"].iter_errors(readable(text)))
