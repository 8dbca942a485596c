"""The marker's text: what it says, that it survives a round trip, and what is not one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from urllib.parse import quote

import pytest
from hypothesis import given, settings

from flexres.reconcile.fields import attribute_key, channel_key
from flexres.reconcile.key import ROLES, Key
from flexres.reconcile.marker import Marker, PackedKeys, UnreadableMarker, parse
from flexres.values import short_hash
from tests.unit.reconcile.strategies import markers


def test_text_says_everything_in_a_fixed_order():
    """One line, keys sorted, so that equal markers are equal texts."""
    marker = Marker(
        "k7m2q9", 1763712000, {ROLES: "nbswy3", attribute_key("level"): "mzxw6y"}, date(2027, 1, 31), 1763715600
    )
    assert marker.text() == (
        "v1;id=k7m2q9;at=1763712000;until=20270131;leaving=1763715600;keys=attr:level=mzxw6y,roles=nbswy3"
    )


def test_an_empty_marker_has_a_text_too():
    """A leaver nobody managed is marked without any key."""
    assert Marker("k7m2q9").text() == "v1;id=k7m2q9;at=0;keys="
    assert parse("v1;id=k7m2q9;at=0;keys=") == Marker("k7m2q9")


def test_an_early_last_day_is_written_in_eight_digits():
    """A year before 1000 is no marker otherwise."""
    marker = Marker("k7m2q9", until=date(999, 1, 2))
    assert parse(marker.text()) == marker


@settings(deadline=None)
@given(markers())
def test_every_marker_survives_a_round_trip(marker):
    """Whatever the managed keys are called, and however many they are."""
    assert parse(marker.text(), lambda: marker.keys) == marker
    assert parse(marker.text()).text() == marker.text()


@settings(deadline=None)
@given(markers())
def test_a_marker_never_holds_a_hyphen(marker):
    """Twilio warns of hyphens in attribute values."""
    assert "-" not in marker.text()


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("data-set", "attr:data%2Dset"),
        ("a,b;c=d", "attr:a%2Cb%3Bc%3Dd"),
        ("100 %", "attr:100%20%25"),
        ("a/b~c", "attr:a~1b~0c"),
        ("a.b_c:d", "attr:a.b_c:d"),
        ("Köln", "attr:K%C3%B6ln"),
    ],
)
def test_a_name_is_written_without_what_the_marker_or_twilio_would_trip_over(name, written):
    """And is read as it was."""
    marker = Marker("k7m2q9", keys={attribute_key(name): "mzxw6y"})
    assert marker.text() == f"v1;id=k7m2q9;at=0;keys={written}=mzxw6y"
    assert parse(marker.text()) == marker


def test_a_name_that_is_no_valid_text_is_written_and_not_read_back():
    """Flex's JSON may carry a lone surrogate; no YAML can."""
    text = Marker("k7m2q9", keys={attribute_key("\ud800"): "mzxw6y"}).text()
    assert text == "v1;id=k7m2q9;at=0;keys=attr:%ED%A0%80=mzxw6y"
    assert parse(text) == Marker("k7m2q9")


@pytest.mark.parametrize(("length", "version"), [(500, "v1"), (501, "v2")])
def test_names_are_packed_only_where_they_are_too_long_together(length, version):
    """A marker that people can read is better, as long as there is room."""
    name = "x" * (length - len("attr:=mzxw6y"))
    marker = Marker("k7m2q9", keys={attribute_key(name): "mzxw6y"})
    text = marker.text()
    assert text.startswith(version)
    assert parse(text, lambda: marker.keys).keys == marker.keys
    if version == "v2":
        assert text == f"v2;id=k7m2q9;at=0;keys=;packed={short_hash(attribute_key(name).text)}mzxw6y"


def test_packed_fields_are_written_in_one_order():
    """Equal markers are equal texts, whoever made them."""
    backwards = dict(reversed(MANY.items()))
    text = Marker("k7m2q9", keys=backwards).text()
    assert text == Marker("k7m2q9", keys=MANY).text() == parse(text).text()


def test_two_fields_of_one_short_name_keep_their_names(monkeypatch):
    """They could not be told apart."""
    monkeypatch.setattr("flexres.reconcile.marker._short_name", lambda key: "aaaaaa" if "_1" in key.text else "bbbbbb")
    keys = {attribute_key(f"customer_segment_{n}" + "x" * 300): short_hash(n) for n in (1, 11, 2)}
    text = Marker("k7m2q9", keys=keys).text()
    assert text.endswith(f";packed=bbbbbb{short_hash(2)}")
    assert dict(parse(text).keys) == {key: keys[key] for key in list(keys)[:2]}


MANY = {attribute_key(f"customer_segment_{n}"): short_hash(n) for n in range(58)} | {
    ROLES: "nbswy3",
    channel_key("chat", "capacity"): "kqmfa2",
}


@pytest.mark.parametrize(
    "name",
    [
        "attr:roles",
        "attr:routing/skills",
        "attr:flexres",
        "attr: level",
        "attr:x\ny",
        "attr:",
        "skill:\u202ex",
        "skill:",
    ],
)
def test_what_the_yaml_cannot_name_is_no_field_of_ours(name: str):
    """An agent may have written it into their own marker, for our reports to tell or our plans to take away."""
    spelled = quote(name, safe=":/")
    marker = parse(f"v1;id=k7m2q9;at=0;keys=attr:level=abcdef,{spelled}=abcdef")
    assert list(marker.keys) == [Key.of("attr", "level")]


def test_a_marker_of_many_fields_stays_short():
    """Sixty managed fields leave the room of a Worker's attributes to what they say."""
    text = Marker("k7m2q9", 1763712000, MANY, date(2027, 1, 31), 1763715600).text()
    assert text.startswith("v2;id=k7m2q9;at=1763712000;until=20270131;leaving=1763715600;keys=channel:chat.capacity=")
    assert len(text) < 900


def test_a_packed_field_is_found_by_its_name_alone():
    """What somebody removed from the Worker is asked for by the YAML's name; what is on it is known by going over."""
    there, asked = attribute_key("customer_segment_3"), attribute_key("customer_segment_4")
    keys = parse(Marker("k7m2q9", keys=MANY).text(), lambda: [there, attribute_key("theirs")]).keys
    assert set(keys) == {there, ROLES, channel_key("chat", "capacity")}
    assert keys.get(asked) == short_hash(4)
    assert asked in keys
    assert attribute_key("theirs") not in keys
    assert channel_key("chat", "available") not in keys


def test_packed_fields_that_nobody_has_any_more_are_counted():
    """So that the marker can be told to have changed although no name is known."""
    keys = parse(Marker("k7m2q9", keys=MANY).text(), lambda: [attribute_key("customer_segment_3")]).keys
    assert isinstance(keys, PackedKeys)
    assert keys.gone([attribute_key("customer_segment_4")]) == 56
    assert keys.gone([]) == 57
    assert len(keys) == 3
    with pytest.raises(KeyError):
        keys[attribute_key("theirs")]
    with pytest.raises(KeyError):
        keys[channel_key("voice", "capacity")]


def test_a_long_marker_of_names_is_still_read():
    """As it was written before there was a short form."""
    names = ",".join(f"{key.text}={MANY[key]}" for key in sorted(MANY))
    marker = parse(f"v1;id=k7m2q9;at=1;keys={names}")
    assert marker == Marker("k7m2q9", 1, MANY)
    assert len(marker.text()) < 900


def test_a_marker_for_a_rename_alone_says_so():
    """Whoever is nobody's before a rename is nobody's again where it is taken back."""
    marker = Marker("k7m2q9", 5, leaving=6, rename=True)
    assert marker.text() == "v2;id=k7m2q9;at=5;leaving=6;rename;keys="
    assert parse(marker.text()) == marker


@pytest.mark.parametrize("leaving", [0, 1763715600])
def test_waiting_since_is_an_aware_time(leaving):
    """Also at the first second of 1970, which is not `nothing`."""
    marker = parse(f"v1;id=a1;at=0;leaving={leaving};keys=")
    assert marker.waiting_since() == datetime.fromtimestamp(leaving, UTC)


@pytest.mark.parametrize(
    ("text", "begun"),
    [
        ("v1;id=a1;at=0;keys=", True),
        ("v2;id=a1;at=0;rename;keys=", True),
        ("v1;id=a1;at=0;keys=roles=nbswy3", False),
        ("v2;id=a1;at=0;keys=;packed=gezdgnmzxw6y", False),
    ],
)
def test_a_marker_without_any_field_is_one_that_was_begun(text, begun):
    """A packed field counts, also where nobody knows its name."""
    assert parse(text).begun is begun


def test_who_does_not_wait_has_no_waiting_time():
    """Nothing is None, not 1970."""
    assert Marker("a1").waiting_since() is None


@pytest.mark.parametrize(
    "name",
    [
        "idp:set%20the%20role%20of%20ana%20to%20admin",
        "sso:login_popup",
        "until",
        "anything%20at%20all",
        "name_id",
        "channel:chat.anything",
        "channel:chat",
    ],
)
def test_a_key_that_we_never_write_is_not_read(name):
    """An agent who adds one to their own marker puts no words into a report."""
    assert parse(f"v1;id=k7m2q9;at=0;keys={name}=mzxw6y,roles=nbswy3").keys == {ROLES: "nbswy3"}
    packed = parse(f"v2;id=k7m2q9;at=0;keys={name}=mzxw6y,roles=nbswy3;packed=gezdgnmzxw6y")
    assert dict(packed.keys) == {ROLES: "nbswy3"}


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        True,
        [],
        {},
        "",
        "v1",
        "hello",
        "v2;id=k7m2q9;at=0;keys=",
        "v1;id=k7m2q9;at=0;rename;keys=",
        "v1;id=k7m2q9;at=0;keys=;packed=gezdgnmzxw6y",
        "v2;id=k7m2q9;at=0;keys=;packed=",
        "v2;id=k7m2q9;at=0;keys=;packed=gezdgnmzxw6",
        "v2;id=k7m2q9;at=0;keys=;packed=GEZDGNMZXW6Y",
        "v3;id=k7m2q9;at=0;keys=",
        "v1;id=k7m2q9;at=0;keys=attr:%FF=mzxw6y",
        "v1;id=k7m2q9;at=0;keys=attr:%C3=mzxw6y,roles=nbswy3",
        "v1;id=;at=0;keys=",
        "v1;id=K7M2Q9;at=0;keys=",
        "v1;id=k7m2q9;keys=",
        "v1;id=k7m2q9;at=-1;keys=",
        "v1;id=k7m2q9;at=1.5;keys=",
        "v1;id=k7m2q9;at=١٢;keys=",
        "v1;id=k7m2q9;at=999999999999;keys=",
        "v1;id=k7m2q9;at=0;until=2027-01-31;keys=",
        "v1;id=k7m2q9;at=0;until=20270231;keys=",
        "v1;id=k7m2q9;at=0;until=00000101;keys=",
        "v1;id=k7m2q9;at=0;leaving=5;until=20270131;keys=",
        "v1;id=k7m2q9;at=0;keys=roles",
        "v1;id=k7m2q9;at=0;keys=attr:%FF=mzxw6y",
        "v1;id=k7m2q9;at=0;keys=roles=",
        "v1;id=k7m2q9;at=0;keys=roles=short",
        "v1;id=k7m2q9;at=0;keys=roles=NBSWY3",
        "v1;id=k7m2q9;at=0;keys=roles=nbswy3;more",
        "v1;id=k7m2q9;at=0;keys=roles=nbswy3\n",
        " v1;id=k7m2q9;at=0;keys=",
    ],
)
def test_what_we_did_not_write_is_unreadable(value):
    """Agents can edit their own attributes; nothing half-read is trusted."""
    with pytest.raises(UnreadableMarker):
        parse(value)
