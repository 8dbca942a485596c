"""Every unknown about Twilio that flexres does without: those that `verify` settles, and those nobody should try."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from flexres.verify import claims, departures, provisioning, reading
from flexres.verify.experiment import Experiment, Unknown

EXPERIMENTS: Final[tuple[Experiment, ...]] = (
    *provisioning.EXPERIMENTS,
    *claims.EXPERIMENTS,
    *reading.EXPERIMENTS,
    *departures.EXPERIMENTS,
)

NOT_TRIED: Final = (
    Unknown(
        "deprovision_with_tasks",
        "What does Deprovision of somebody with open reservations answer?",
        "Busy users wait; a refusal with tasks assigned counts as waiting, and any other is reported.",
    ),
    Unknown(
        "retry_after",
        "Does Flex send Retry-After with a 429?",
        "Honoured where it is sent; otherwise waits grow at random, and fewer requests go out at once.",
    ),
    Unknown(
        "rate_limit_headers",
        "Which window and key do X-Rate-Limit-Limit and -Remaining count, and what does -Config say?",
        "-Limit is taken for requests a second of that method and path, as TaskRouter's limits are given; where less "
        "than a tenth remains, a second passes; -Config is not read. "
        "Where one is missing or unreadable, nothing changes.",
    ),
    Unknown(
        "error_form",
        "Which services answer with error bodies of RFC 9457?",
        "Twilio's own form, RFC 9457, HTML and no body at all are read.",
    ),
    Unknown(
        "delayed_lists",
        "How soon do lists show what was just written?",
        "A list proves presence only: what it lacks is read by itself before it counts as gone.",
    ),
    Unknown(
        "role_change",
        "When does a change of roles reach somebody who is signed in?",
        "Nothing waits for it; a role that the identity provider sends wins at the next login.",
    ),
    Unknown(
        "sso_writing",
        "Is there an API that writes single sign-on settings or trusted URLs?",
        "None is published: flexres says what to enter in Console, and checks what can be seen from outside.",
    ),
    Unknown(
        "trusted_match",
        "How is a redirect URL compared with the trusted ones, and does a slash at its end matter?",
        "Full URLs are written, one for each place that a login returns to; none relies on a prefix or wildcard. "
        "A slash at the end counts: both spellings can be declared, and what a login sends is what is asked about.",
    ),
    Unknown(
        "trusted_when",
        "When does a login look at its redirect URL: as it begins, or as it comes back?",
        "A login is also begun for a URL that nobody can have trusted; only where that is refused do others count.",
    ),
    Unknown(
        "popup_features",
        "Does Flex UI read the features of the login window from public_attributes, as it reads loginPopup?",
        "They are kept there as declared, and written into appconfig.js too, where Twilio documents them.",
    ),
)
"""Unknowns that an experiment would harm, or could not settle."""


def table() -> str:
    """All unknowns as the Markdown tables of the documentation."""
    tried = _rows("Settled by `flexres verify`", EXPERIMENTS)
    return "\n".join([*tried, "", *_rows("Not tried on anybody's account", NOT_TRIED)])


def _rows(title: str, unknowns: Iterable[Unknown]) -> list[str]:
    rows = [f"| `{item.key}` | {item.question} | {item.fallback} |" for item in unknowns]
    return [f"## {title}", "", "| | Unknown | What flexres does in either case |", "| --- | --- | --- |", *rows]
