"""Keys of fields: one spelling each, read back as the same key, and one object for each."""

from __future__ import annotations

import copy
import pickle

import pytest

from flexres.reconcile.key import EMAIL, FULL_NAME, GONE, LEAVING, NAME_ID, ROLES, UNTIL, Key

SPELLED = [
    (("profile", "email"), "email"),
    (("profile", "full_name"), "full_name"),
    (("profile", "roles"), "roles"),
    (("profile", "name_id"), "name_id"),
    (("marker", "until"), "until"),
    (("marker", "leaving"), "leaving"),
    (("marker", "fields gone from both sides"), "fields gone from both sides"),
    (("attr", "level"), "attr:level"),
    (("attr", "home", "city"), "attr:home/city"),
    (("attr", "a/b", "c~d"), "attr:a~1b/c~0d"),
    (("attr", "~1"), "attr:~01"),
    (("attr", ""), "attr:"),
    (("attr", "a:b"), "attr:a:b"),
    (("skill", "a:b/c~d.e"), "skill:a:b/c~d.e"),
    (("channel", "chat", "capacity"), "channel:chat.capacity"),
    (("channel", "a.b", "available"), "channel:a.b.available"),
    (("sso", "trusted https://a.example:8443"), "sso:trusted https://a.example:8443"),
    (("idp", "action code"), "idp:action code"),
]


@pytest.mark.parametrize(("parts", "text"), SPELLED)
@pytest.mark.parametrize("suffix", ["", "2"], ids=["known", "never seen"])
def test_a_key_is_spelled_in_one_way_and_read_back_as_the_same(parts, text, suffix):
    """Markers, saved plans and Pulumi's state hold the spelling."""
    space, *path = parts
    if suffix and space in {"profile", "marker", "channel"}:
        suffix = ""  # these names are a closed set
    path[-1] += suffix
    read = Key.parse(text + suffix)
    assert (read.space, read.path, read.text) == (space, tuple(path), text + suffix)
    assert Key.of(space, *path) is read
    assert Key.parse(read.text) is read


@pytest.mark.parametrize(("parts", "text"), SPELLED)
def test_a_key_is_the_same_however_it_is_made_first(parts, text):
    """By its parts or by its spelling."""
    space, *path = parts
    if space in {"attr", "skill", "sso", "idp"}:
        path[-1] += "3"
        made = Key.of(space, *path)
        assert made.text == f"{text}3"
        assert Key.parse(f"{text}3") is made
        assert (made.space, made.path, made.name) == (space, tuple(path), path[-1])


def test_a_word_that_no_space_has_is_our_markers():
    """Nobody else writes words without a space before them."""
    assert (Key.parse("skill").space, Key.parse("skill").path) == ("marker", ("skill",))
    assert (Key.parse("nonsense").space, Key.parse("nonsense").path) == ("marker", ("nonsense",))
    assert (Key.parse("other:x").space, Key.parse("other:x").path) == ("marker", ("other:x",))


def test_the_named_keys_are_those_of_their_spellings():
    """Code compares objects."""
    words = ("email", "full_name", "roles", "name_id", "until", "leaving", "fields gone from both sides")
    assert tuple(map(Key.parse, words)) == (EMAIL, FULL_NAME, ROLES, NAME_ID, UNTIL, LEAVING, GONE)


def test_the_maps_above_a_leaf_come_from_the_outside_in():
    """Not the leaf itself."""
    assert list(Key.parse("attr:home/geo/lat").above()) == [Key.parse("attr:home"), Key.parse("attr:home/geo")]
    assert list(Key.parse("attr:home").above()) == []


def test_keys_are_ordered_by_their_spelling():
    """Equal markers are equal texts."""
    keys = [ROLES, Key.parse("attr:b"), Key.parse("attr:a"), EMAIL]
    assert [key.text for key in sorted(keys)] == ["attr:a", "attr:b", "email", "roles"]
    assert not Key.parse("roles") > ROLES


@pytest.mark.parametrize("key", [ROLES, Key.parse("attr:home/city"), Key.parse("channel:voice.capacity")])
def test_a_copy_is_the_key_itself_also_in_another_process(key):
    """Pulumi pickles what its provider process is given."""
    assert copy.copy(key) is key
    assert copy.deepcopy([key])[0] is key
    assert pickle.loads(pickle.dumps(key)) is key
    assert repr(key) == f"Key({key.text!r})"
