"""Both readers of SAML responses against the same samples, rule by rule, and against the table in docs/security.md."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from types import SimpleNamespace

import pytest

from flexres.idp.saml import lint
from flexres.sandbox.errors import WireError
from flexres.sandbox.sso import sign_in
from flexres.sandbox.sso.notes import LoginError
from flexres.sandbox.sso.response import Expected, read_response
from tests.saml_responses import FLEX, ISSUER, NOW, KeyPair, declared
from tests.saml_rules import RULES, Rule, sample

TABLE = Path(__file__).parents[4] / "docs" / "security.md"
each_rule = pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])


@each_rule
def test_lint_has_the_verdict_of_the_rule(rule: Rule, pair: KeyPair, other_pair: KeyPair) -> None:
    """Whatever else it has to say; the file tells when the response arrived."""
    posted = {"name": "SAMLResponse", "value": base64.b64encode(sample(rule, pair, other_pair)).decode()}
    request = {"url": FLEX.acs, "postData": {"params": [posted]}}
    har = {"log": {"entries": [{"startedDateTime": NOW.isoformat(), "request": request}]}}

    report = lint(json.dumps(har).encode(), sso=declared(pair), now=NOW)

    assert report.verdict == rule.verdict, [(each.level, each.title) for each in report.findings]


@each_rule
def test_the_sandbox_has_the_verdict_of_the_rule(
    rule: Rule, pair: KeyPair, other_pair: KeyPair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody can know, it may do either."""
    data = sample(rule, pair, other_pair)
    expected = Expected(
        issuer=ISSUER, certificate=pair.pem, audience=FLEX.entity_id, consumers=(FLEX.acs,), request_id=rule.asked
    )
    monkeypatch.setattr(sign_in, "provision", lambda *_: (None, None))
    world = SimpleNamespace(workspace=SimpleNamespace(task_channels={}))
    try:
        vouched = read_response(base64.b64encode(data).decode(), expected, NOW.timestamp())
        sign_in.sign_in(world, vouched.name_id, vouched.claims)  # type: ignore[arg-type]
    except (LoginError, WireError):
        found = "refused"
    else:
        found = "accepted"

    assert rule.verdict in (found, "cannot know")


def test_the_table_has_a_row_for_each_rule() -> None:
    """With SAML's reference, the verdict, and the name of the sample."""
    rows = re.findall(
        r"^\| `([a-z0-9-]+)` \| (.+?) \| (.+?) \| (accepted|refused|cannot know) \|$", TABLE.read_text(), re.M
    )

    assert rows == [(rule.id, rule.title, rule.reference, rule.verdict) for rule in RULES]
