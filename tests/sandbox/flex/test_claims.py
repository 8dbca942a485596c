"""Claim typing, as a rule over all names and values."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexres.sandbox.flex.claims import ChannelClaim, ClaimError, split_name, type_claims

CHANNELS = ("voice", "chat")
TYPES = ("string", "int", "boolean", "stringarray", "intarray", "booleanarray")

names = st.from_regex(r"[a-z_]{1,12}", fullmatch=True).filter(lambda name: name not in {"roles", *TYPES})
texts = st.text(max_size=40)
items = st.text(alphabet=st.characters(exclude_characters=",", exclude_categories=("Cs",)), min_size=1).map(str.strip)
integers = st.integers(-(10**18), 10**18)


def _one(name, value, **options):
    claims = type_claims({name: value}, task_channels=CHANNELS, **options)
    [(stored, typed)] = claims.attributes.items()
    return stored, typed


@given(names, texts)
def test_text_is_the_default_and_stays_as_it_is(name, value):
    """Without a suffix nothing is interpreted, trimmed or split."""
    assert _one(name, value) == _one(f"{name}.string", value) == (name, value)


@given(names, integers)
def test_integers_survive(name, value):
    """What Python writes as an integer is read back as the same."""
    assert _one(f"{name}.int", str(value)) == (name, value)


@given(names, st.booleans())
def test_booleans_survive(name, value):
    """Only the lowercase words are booleans."""
    assert _one(f"{name}.boolean", str(value).lower()) == (name, value)


@given(names, st.lists(items.filter(bool), min_size=1))
def test_text_arrays_survive(name, value):
    """The comma separates."""
    assert _one(f"{name}.stringarray", ",".join(value)) == (name, value)


@given(names, st.lists(integers), st.lists(st.booleans()))
def test_arrays_of_other_types_survive(name, numbers, flags):
    """Each item by the rule of its type; nothing is an empty array."""
    assert _one(f"{name}.intarray", ",".join(map(str, numbers))) == (name, numbers)
    assert _one(f"{name}.booleanarray", ",".join(str(flag).lower() for flag in flags)) == (name, flags)


@given(names, texts)
def test_an_int_is_an_int_or_an_error(name, value):
    """No text in between: what is no whole number is refused, and the claim named."""
    if re.fullmatch(r"[+-]?[0-9]{1,19}", value):
        assert _one(f"{name}.int", value) == (name, int(value))
    else:
        with pytest.raises(ClaimError) as refusal:
            _one(f"{name}.int", value)
        assert refusal.value.name == f"{name}.int"


@given(names, texts.filter(lambda text: text not in ("true", "false")))
def test_other_words_are_no_booleans(name, value):
    """Case and spaces count."""
    with pytest.raises(ClaimError):
        _one(f"{name}.boolean", value)


@given(names, st.sampled_from(TYPES), texts)
def test_types_in_another_case_are_part_of_the_name(name, kind, value):
    """Types are lowercase; anything else is a name with a dot in it."""
    assert _one(f"{name}.{kind.upper()}", value) == (f"{name}.{kind.upper()}", value)


@given(st.text())
def test_split_names_join_again(name):
    """A name is a stored name and perhaps a known type, or it is refused."""
    try:
        stored, kind = split_name(name)
    except ClaimError:
        assert name in {"", *(f".{kind}" for kind in TYPES)}
    else:
        assert name == (stored if kind is None else f"{stored}.{kind}")


@given(st.dictionaries(names, texts, max_size=5), names)
def test_one_wrong_claim_fails_them_all(good, bad):
    """All or nothing."""
    with pytest.raises(ClaimError):
        type_claims({**good, f"{bad}.int": "1.23"}, task_channels=CHANNELS)


@pytest.mark.parametrize(
    ("value", "roles"),
    [
        ("agent", ["agent"]),
        ("agent, admin", ["agent", "admin"]),
        (["agent", "wfo.full_access"], ["agent", "wfo.full_access"]),
    ],
)
def test_roles_are_an_array_without_a_suffix(value, roles):
    """A comma list, or an attribute that was repeated."""
    assert _one("roles", value) == ("roles", roles)


def test_names_that_are_urls_are_left_out():
    """Flex ignores namespaced claims."""
    claims = {"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/email": "a@example.com", "email": "b@example.com"}

    assert type_claims(claims, task_channels=CHANNELS).attributes == {"email": "b@example.com"}


def test_channel_claims_are_set_apart():
    """They are the channel's settings, with a suffix or without."""
    claims = type_claims(
        {"channel.voice.availability": "false", "channel.chat.capacity.int": "3", "channel.chat.availability": True},
        task_channels=CHANNELS,
    )

    assert claims.attributes == {}
    assert claims.channels == {"voice": ChannelClaim(None, False), "chat": ChannelClaim(3, True)}


@given(st.one_of(st.integers(), st.floats(allow_nan=False), st.booleans(), st.none(), st.lists(st.integers())))
def test_json_values_are_refused_where_only_text_counts(value):
    """In a SAML assertion there is nothing but text."""
    with pytest.raises(ClaimError):
        _one("level.int", value, json_values="refuse")
