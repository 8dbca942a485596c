"""The HTML page is one file that loads nothing, and that nobody's name can break; it tells what the JSON tells."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexres.reconcile.drift.findings import drift_of
from flexres.report.html.content import Past
from flexres.report.html.rows import Person
from flexres.text import visible
from tests.unit.report import samples
from tests.unit.report.idp_samples import managed_idp_plan
from tests.unit.report.rendering import applied_page, drift_page, plan_page

PAST = [Past(f"2026-11-{day:02} 06:00 UTC", day % 3, day % 2) for day in range(1, 8)]
PAGES = {
    "in sync": partial(plan_page, samples.in_sync_plan()),
    "safe": partial(plan_page, samples.safe_plan()),
    "busy": partial(plan_page, samples.busy_plan(), position=samples.position),
    "approved": partial(plan_page, samples.approved_plan(), position=samples.position),
    "refused": partial(plan_page, samples.refused_plan()),
    "idp": partial(plan_page, samples.idp_plan()),
    "hostile": partial(plan_page, samples.hostile_plan()),
    "kept": partial(plan_page, samples.kept_plan()),
    "leavers": partial(plan_page, samples.leavers_plan()),
    "applied": partial(applied_page, samples.applied(samples.approved_plan(), interrupted=True)),
    "none done": partial(applied_page, samples.none_done(samples.busy_plan())),
    "drift": partial(drift_page, drift_of(samples.busy_plan()), position=samples.position),
    "hostile drift": partial(drift_page, drift_of(samples.hostile_plan())),
    "no drift": partial(drift_page, drift_of(samples.in_sync_plan())),
}


class Page(HTMLParser):
    """What a parser finds: its tags with their attributes, the text that is seen, the scripts and styles."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.raw: dict[str, list[str]] = {"style": [], "script": []}
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in self.raw:
            self.raw[tag].append("")

    def handle_data(self, data: str) -> None:
        tag = self.tags[-1][0] if self.tags else ""
        if tag in self.raw and self.cdata_elem:
            self.raw[tag][-1] += data
        else:
            self.text.append(data)

    @property
    def seen(self) -> str:
        return " ".join(" ".join(self.text).split())

    @property
    def data(self) -> dict[str, Any]:
        """What the page's script reads."""
        found: dict[str, Any] = json.loads(self.raw["script"][0])
        return found

    @property
    def policy(self) -> str:
        attributes = (attributes for tag, attributes in self.tags if tag == "meta")
        return next(one["content"] or "" for one in attributes if one.get("http-equiv") == "Content-Security-Policy")


def people(count: int = 3) -> list[Person]:
    return [Person(f"user{n}@example.com", f"User {n}", ("agent",), samples.SUPPORT) for n in range(count)]


@pytest.mark.parametrize("name", PAGES)
def test_every_report_has_a_page_that_loads_nothing(name: str) -> None:
    """No element of it can fetch, and the policy allows nothing but its own style and script, by their hashes."""
    page = Page(PAGES[name](people=people(), past=PAST))

    assert not {tag for tag, _ in page.tags} & {"link", "img", "iframe", "object", "embed", "base", "video", "audio"}
    attributes = {key for _, found in page.tags for key in found}
    assert not {key for key in attributes if key in {"src", "style", "srcset", "action"} or key.startswith("on")}
    assert {found["href"] for _, found in page.tags if "href" in found} == {"#people"}
    assert "default-src 'none'" in page.policy
    for directive, text in (("style", page.raw["style"][0]), ("script", page.raw["script"][1])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{directive}-src 'sha256-{digest}'" in page.policy


@pytest.mark.parametrize("name", PAGES)
def test_the_same_report_gives_the_same_page(name: str) -> None:
    """Nothing depends on when or where it is made."""
    assert PAGES[name](past=PAST) == PAGES[name](past=PAST)


OUR_TAGS = {tag for tag, _ in Page(PAGES["busy"](people=people(), past=PAST)).tags}
OUR_TAGS |= {tag for tag, _ in Page(PAGES["applied"](people=people())).tags}
PIECES = st.sampled_from([*samples.HOSTILE, "</script>", "<!--", "-->", "<", "&", "'", '"', "{{ 1 }}", "\u2028", "a"])
HOSTILE_TEXT = st.lists(PIECES, min_size=1, max_size=5).map("".join)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(name=st.one_of(HOSTILE_TEXT, st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)))
def test_no_name_gets_out_of_its_place(name: str) -> None:
    """Whatever it is, the page has its own tags alone, and the name is text, unseen characters spelled out."""
    user = samples.desired(name, file=f"stacks/prod/users/{name}.yaml", attributes={name: name})
    before = samples.in_flex(samples.desired(name, attributes={}))
    gone = samples.in_flex(samples.desired(f"gone {name}"), activity=name)
    plan = samples.plan_of([user, samples.desired(f"x{name}", roles=("admin",))], [before, gone], name=name)
    person = Person(name, name, (name,), f"{name}.yaml")

    page = Page(plan_page(plan, people=[person]))

    assert {tag for tag, _ in page.tags} <= OUR_TAGS
    assert [attributes.get("type") for tag, attributes in page.tags if tag == "script"] == ["application/json", None]
    assert visible(name) in [row[0] for row in page.data["rows"]]
    assert not re.search(r"[<>&\u2028\u2029]", page.raw["script"][0])


def test_the_page_begins_with_the_verdict_and_who_needs_care() -> None:
    """What a reader has to decide comes before the list of everybody."""
    seen = Page(PAGES["busy"](people=people())).seen
    places = [seen.index(words) for words in ("refused", "Refused", "Needs care", "Changes by kind", "Search")]
    assert places == sorted(places)
    assert "flexres apply --stack prod --approve" in seen


def test_everybody_is_in_the_list_once() -> None:
    """Whoever changes, is not declared, or is as declared."""
    plan = samples.plan_of(
        [samples.desired("user0@example.com"), samples.desired("user1@example.com", roles=("admin",))],
        [
            samples.in_flex(samples.desired("user0@example.com")),
            samples.in_flex(samples.desired("user1@example.com")),
            samples.in_flex(samples.desired("stranger@example.com"), marked=False),
        ],
    )

    data = Page(plan_page(plan, people=people(2))).data

    kinds = {row[0]: data["kinds"][row[4]][0] for row in data["rows"]}
    assert kinds == {
        "user1@example.com": "changed",
        "stranger@example.com": "not declared",
        "user0@example.com": "as declared",
    }


def test_a_changed_field_keeps_its_two_sides_and_its_cause() -> None:
    """The list shows before and after apart; what is new has no before."""
    data = Page(PAGES["busy"]()).data
    rows = {row[0]: row for row in data["rows"]}
    assert ["level", "2", "3", "git"] in rows["bob@example.com"][7]
    assert ["location", "Leeds", "London", "changed in Flex, put back"] in rows["cho@example.com"][7]
    assert ["roles", "", "agent, supervisor"] in rows["ana@example.com"][7]


def test_the_page_tells_what_happens_at_the_identity_provider_too() -> None:
    """As every other format does; who changes there alone is changed, not noted."""
    plan = managed_idp_plan()
    alone = plan.with_users(replace(change, fields=()) for change in plan.users)
    data = Page(plan_page(alone)).data
    rows = {row[0]: row for row in data["rows"]}
    assert rows["ben@example.com"][7] == [["department", "Ops", "Sales", "changed there, put back · at Auth0"]]
    assert data["kinds"][rows["ben@example.com"][4]][0] == "changed"
    assert rows["new@example.com"][6] == "is made at Auth0: NameID"


def test_the_page_says_what_an_earlier_change_causes() -> None:
    """Compared with a base, as every other format does."""
    rows = Page(plan_page(samples.based_plan())).data["rows"]
    lines = [line for row in rows if len(row) > 7 for line in row[7]]
    assert "git, an earlier change" in {line[-1] for line in lines}


def test_the_charts_count_people_once() -> None:
    """A team's numbers are those of its people, each with the highest of their roles."""
    crowd = [
        Person("a", "A", ("admin", "agent"), "users/ops.yaml"),
        Person("b", "B", ("agent", "supervisor"), "users/ops.yaml"),
        Person("c", "C", ("agent",), "users/sales.yaml"),
    ]
    seen = Page(PAGES["in sync"](people=crowd)).seen
    assert "Users by team and highest role" in seen
    assert "ops – 1 1 sales 1 – –" in seen


@pytest.mark.parametrize(("name", "past", "shown"), [("busy", PAST, True), ("busy", PAST[:1], False)])
def test_the_history_needs_two_reports(name: str, past: list[Past], shown: bool) -> None:
    """One bar alone says nothing about how it went."""
    assert ("in the last 7 reports" in Page(PAGES[name](past=past)).seen) is shown


def test_an_outcome_says_first_who_was_left_out() -> None:
    """With the reason and with what to type next."""
    seen = Page(PAGES["applied"]()).seen
    assert seen.index("Not done") < seen.index("What needed care")
    assert "Error invalid attribute format" in seen
    assert "What to type next" in seen


def test_what_failed_beside_the_changes_is_among_what_was_not_done() -> None:
    """A failure of the engine's own, whoever was done."""
    failed = replace(samples.applied(samples.safe_plan()), errors=("the state could not be saved",))
    seen = Page(applied_page(failed)).seen
    assert "the state could not be saved" in seen[seen.index("Not done") :]
