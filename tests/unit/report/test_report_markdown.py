"""The Markdown report is one comment that GitHub takes, and that nobody's name can break."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from flexres.reconcile.plan import Plan
from flexres.report.markdown import code, hidden_line, prose
from flexres.report.next_step import PlanRun
from flexres.text import visible
from tests.unit.report import samples
from tests.unit.report.rendering import applied_markdown, plan_markdown

OUR_HTML = re.compile(
    r"<!-- flexres:(plan|apply|drift):(?!.*--.*-->)[^<>]* -->"
    r"|<details><summary>(<code>[^<>]*</code>: )?[^<>]*</summary>|</details>|</?sub>"
)
READ_BY_GITHUB = re.compile(r"@\w|#\d|gh-\d|www\.|https?:|\b[0-9a-f]{8,40}\b", re.IGNORECASE)
PIECES = st.sampled_from([*samples.HOSTILE, "|", "`", "\\", "@a", "#1", "<b>", "&amp;", "\n", "- ", "\u200d", "_", "a"])
HOSTILE_TEXT = st.lists(PIECES, min_size=1, max_size=6).map("".join)
ANY_TEXT = st.one_of(HOSTILE_TEXT, st.text(st.characters(), min_size=1, max_size=40))


def tokens_of(markdown: str) -> Iterator[Token]:
    for token in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown):
        yield token
        yield from token.children or []


def assert_harmless(markdown: str) -> None:
    """No tag, link, image or heading but ours, and no plain text that GitHub would read as more than text."""
    headings = 0
    for token in tokens_of(markdown):
        assert token.type not in {"link_open", "image", "hr", "blockquote_open", "s_open"}
        headings += token.type == "heading_open"
        if token.type in {"html_block", "html_inline"}:
            for line in filter(None, token.content.split("\n")):
                assert OUR_HTML.fullmatch(line), line
        if token.type == "text":
            assert not READ_BY_GITHUB.search(token.content), token.content
    assert headings == 1


def cells(markdown: str) -> list[str]:
    """The code spans of all tables, as they are shown."""
    return [token.content for token in tokens_of(markdown) if token.type == "code_inline"]


def plan_with(name: str, value: str = "x") -> Plan:
    """A name in every place where a name can be: new, changed, leaving, waiting, undeclared, a file, a stack."""
    new = samples.desired(f"new{name}", file=f"users/{name}.yaml", roles=("admin",), skills={name: True})
    changed = samples.desired(f"changed{name}", attributes={name: value}, file=f"users/{name}.yaml")
    live = [
        samples.in_flex(replace(changed, attributes={name: value + name})),
        samples.in_flex(samples.desired(f"gone{name}")),
        samples.in_flex(samples.desired(f"waits{name}"), activity=name),
        samples.in_flex(samples.desired(f"kept{name}"), marked=False),
    ]
    return samples.plan_of([new, changed], live, name=name)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(name=ANY_TEXT, value=ANY_TEXT)
def test_no_name_or_value_breaks_the_comment(name: str, value: str) -> None:
    """Whatever people are called: tables keep their cells, and names are shown as they are, in code."""
    plan = plan_with(name, value)
    for markdown in (plan_markdown(plan), applied_markdown(samples.applied(plan))):
        assert_harmless(markdown)
        assert {len(row) for row in tables(markdown)} <= {2, 3, 4, 5}
        shown = visible(f"new{name}")
        if len(shown) < 100 and not re.search(r"\\+\|", shown):
            assert shown in cells(markdown)


def tables(markdown: str) -> Iterator[list[str]]:
    """The raw cells of each row, cut at every pipe that is not escaped; head and body have to agree."""
    head = None
    for line in markdown.split("\n"):
        if not line.startswith("| "):
            head = None
            continue
        row = re.split(r"(?<!\\)\|", line)[1:-1]
        head = head or row
        assert len(row) == len(head), line
        yield row


def test_the_hostile_sample_is_harmless() -> None:
    """All the usual tricks at once, on every kind of change."""
    markdown = plan_markdown(samples.hostile_plan(), position=samples.position)
    assert_harmless(markdown)
    assert list(tables(markdown))


def test_the_first_line_is_hidden_and_names_the_stack() -> None:
    """A bot finds the comment that it wrote before."""
    assert plan_markdown(samples.safe_plan()).splitlines()[0] == "<!-- flexres:plan:prod -->"


@given(stack=ANY_TEXT)
def test_no_stack_name_ends_the_hidden_line(stack: str) -> None:
    """Nor is it taken for another stack's."""
    line = hidden_line("plan", stack)
    assert re.fullmatch(r"<!-- flexres:plan:[^\s<>]+ -->", line)
    assert line.count("--") == 2
    assert html.unescape(line) == line


def test_the_verdict_comes_first_then_the_guards_then_the_risks_then_the_files() -> None:
    """A reviewer stops reading when enough is known."""
    markdown = plan_markdown(samples.busy_plan(), position=samples.position)
    order = [
        "· refused",
        "1 gains admin",
        "⛔ refused by",
        "| who | what | where |",
        "<details>",
        "Not declared",
        "<sub>",
    ]
    places = [markdown.index(piece) for piece in order]
    assert places == sorted(places)


def test_the_commands_that_lift_a_refusal_can_be_copied() -> None:
    """What approves this plan stands in the comment."""
    plan = samples.busy_plan()
    markdown = plan_markdown(plan)
    assert f"flexres apply --stack prod --approve {plan.digest}" in markdown
    assert "flexres approve --stack prod" in markdown


def test_two_plans_that_differ_only_in_what_the_reading_cost_give_the_same_comment() -> None:
    """The comment is edited only when there is something to say."""
    plan = samples.busy_plan()
    assert plan_markdown(plan, run=PlanRun(seconds=77.0, requests=99)) == plan_markdown(plan)


@pytest.mark.parametrize("limit", [4_096, 20_000, 65_536])
def test_a_comment_stays_below_the_limit_and_says_what_it_leaves_out(limit: int) -> None:
    """GitHub refuses longer ones whole."""
    users = [
        samples.desired(f"user{number:05}@example.com", file=f"users/t{number % 9}.yaml") for number in range(3000)
    ]
    markdown = plan_markdown(samples.plan_of(users, []), limit=limit)
    left_out = re.search(r"Left out, because a comment may not be longer:\*\* ([\d,]+) lines of changes", markdown)
    assert len(markdown) <= limit
    assert left_out
    assert markdown.count("*added*") + int(left_out[1].replace(",", "")) == 3000
    assert markdown.count("<details>") == markdown.count("</details>")


@pytest.mark.parametrize("limit", [4_096, 65_536])
def test_even_a_comment_of_long_hostile_names_stays_below_the_limit(limit: int) -> None:
    """A thousand refusals of 256 characters each are cut like everything else."""
    names = [f"{number}{'|`@' * 80}" for number in range(1000)]
    plan = samples.plan_of([samples.desired(name, roles=("admin",)) for name in names], [])
    markdown = plan_markdown(plan, limit=limit)
    assert len(markdown) <= limit
    assert_harmless(markdown)


def test_an_outcome_tells_trouble_first_and_folds_what_went_well() -> None:
    """The comment after a deployment."""
    markdown = applied_markdown(samples.applied(samples.approved_plan()), position=samples.position)
    assert markdown.index("**failed**") < markdown.index("**not taken**") < markdown.index("9 done</summary>")
    assert "RQ0123" in markdown
    assert "exit 5" in markdown
    assert "Ana Ruiz" in markdown
    assert "change the NameID" in markdown


@given(text=ANY_TEXT)
def test_a_code_span_is_one_code_span(text: str) -> None:
    """Whatever backticks the text holds."""
    (paragraph,) = [token for token in MarkdownIt("commonmark").parse(f"a {code(text)} b") if token.type == "inline"]
    assert [token.type for token in paragraph.children or []] == ["text", "code_inline", "text"]


@pytest.mark.parametrize("text", ["no longer declared", "until has passed (2026-11-20)", "agent → admin, agent"])
def test_our_own_words_stay_plain(text: str) -> None:
    """Code spans are for what others wrote."""
    assert prose(text) == text


@pytest.mark.parametrize(
    "text", ["see www.x", "GH-12", "a@b", "#3", "deadbeef", "_x_", "1. x", ":tada: x", "- x", "a*b*"]
)
def test_words_that_github_would_read_become_code(text: str) -> None:
    """Also where they come inside a sentence of ours."""
    assert prose(text) == code(text)
