"""flex.yaml as text: the commented one that `init` writes, and approvals and attestations written into one."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ruamel.yaml.comments import CommentedMap, CommentedSeq

from flexres.desired.edit.section import Section
from flexres.desired.edit.style import in_flow, text
from flexres.desired.model import ApprovedEntry, Attested, Engine, Resources
from flexres.desired.schema.sso import DIGESTED
from flexres.errors import SetupError


def with_approvals(data: bytes, shown: str, entries: Sequence[ApprovedEntry]) -> bytes:
    """The bytes of a flex.yaml that approves these too; every other line stays as it is.

    Raises SetupError where there is no `policy:`, or it is written in a way that cannot be edited.
    """
    section = Section(data, shown, "policy")
    if not section.entries:
        raise SetupError(f"{shown} has no policy: section", hint="begin one with min_admins: below policy:")
    new = [_written(one) for one in entries]

    def appended(block: Any) -> CommentedSeq:
        listed = block if isinstance(block, CommentedSeq) and block else CommentedSeq()
        listed.extend(new)
        return listed

    if "approved" in section.entries:
        section.change("approved", appended)
    else:
        section.put("approved", appended(None))
    return section.written()


def without_approvals(data: bytes, shown: str, numbers: Collection[int]) -> bytes:
    """The bytes of a flex.yaml without these entries of `policy.approved`, by their place in the list.

    Raises SetupError where it is written in a way that cannot be edited.
    """
    section = Section(data, shown, "policy")

    def pruned(block: Any) -> CommentedSeq:
        for number in sorted(numbers, reverse=True):
            del block[number]
        return block  # type: ignore[no-any-return]

    if len(section.entries["approved"].items) == len(numbers) and len(section.entries) > 1:
        section.remove("approved")
    else:
        section.change("approved", pruned)
    return section.written()


def _written(entry: ApprovedEntry) -> CommentedMap:
    """One entry: on a line where it is of one change, else a line for each."""
    of_one = len(entry.digests) == 1
    if "" in entry.digests.values():
        (digest,) = entry.digests
        bound: dict[str, Any] = {"digest": text(digest)}
    else:
        listed = {text(username): text(digest) for digest, username in entry.digests.items()}
        bound = {"digests": in_flow(listed, flow=of_one)}
    # A date of its own for each: one that several shared would be written as an anchor and its aliases.
    said = {"for": text(entry.purpose), "until": entry.until.replace()}
    return in_flow({**bound, **said} if of_one else {**said, **bound}, flow=of_one)


_FIRST: Final = ("writer", "type")


def with_attestations(data: bytes, shown: str, attested: Attested) -> bytes:
    """The bytes of a flex.yaml that has `sso:`, with these attestations and no others; comments among them stay.

    Raises SetupError where there is no `sso:`, or it is written in a way that cannot be edited.
    """
    section = _sso(data, shown, "add one, and attest what a person entered in Console")

    def edited(block: Any) -> CommentedMap:
        return _attest(block if isinstance(block, CommentedMap) else CommentedMap(), attested)

    if "attested" in section.entries:
        section.change("attested", edited)
    else:
        section.put("attested", edited(None))
    return section.written()


def with_offered(data: bytes, shown: str, offered: Mapping[str, str]) -> bytes:
    """The bytes of a flex.yaml with these values in its `sso:`, comments kept; new keys stand behind `writer:`.

    Raises SetupError where there is no `sso:`, or it is written in a way that cannot be edited, InvalidStack where
    the file is no YAML.
    """
    section = _sso(data, shown, "begin one with type: and writer: below sso:, then run again")
    before = next((name for name in _FIRST if name in section.entries), None)
    for name, value in offered.items():
        if name in section.entries:
            section.put(name, text(value))
        else:
            section.add(name, text(value), after=before)
    return section.written()


def _sso(data: bytes, shown: str, hint: str) -> Section:
    section = Section(data, shown, "sso")
    if not section.entries:
        raise SetupError(f"{shown} has no sso: section", hint=hint)
    return section


def _attest(block: CommentedMap, attested: Attested) -> CommentedMap:
    wanted: dict[str, Any] = {name: text(attested.digests[name]) for name in DIGESTED if name in attested.digests}
    if attested.trusted:
        old = block.get("trusted")
        same = isinstance(old, CommentedSeq) and list(old) == list(attested.trusted)
        wanted["trusted"] = old if same else CommentedSeq(text(each) for each in attested.trusted)
    for name in [name for name in block if name not in wanted]:
        del block[name]
    for name, value in wanted.items():
        if block.get(name) != value:
            block[name] = value
    return block


_ID_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"
FLEX_SCHEMA: Final = "flex.schema.json"
USERS_SCHEMA: Final = "users.schema.json"


@dataclass(frozen=True, slots=True)
class Proposal:
    """Rules that fit the people who are there: as strict as they can be without refusing what is.

    `resources` is what suits so many under Pulumi.
    """

    min_admins: int
    protected: tuple[str, ...] = ()
    email_domains: tuple[str, ...] = ()
    approved: tuple[ApprovedEntry, ...] = ()
    resources: Resources = "user"


def mint_id() -> str:
    """Six random characters that say on a Worker's marker who we are; none that look alike.

    The first is a letter: YAML reads 6e2372, without quotes, as a number.
    """
    return secrets.choice(_ID_LETTERS.rstrip("23456789")) + "".join(secrets.choice(_ID_LETTERS) for _ in range(5))


def flex_template(
    *,
    id: str,
    account: str,
    instance: str,
    schema: str | None = None,
    proposal: Proposal | None = None,
    engine: Engine = "direct",
) -> str:
    """A flex.yaml; `schema` is the path or URL of its JSON Schema, for editors."""
    policy = _proposed(proposal) if proposal is not None else _USUAL
    resources: Resources = proposal.resources if proposal is not None else "user"
    how = _ENGINES[engine] + (_RESOURCES[resources] if engine == "pulumi" else "")
    text = _FLEX.format(id=id, account=account, instance=instance, policy=policy, engine=how)
    return _modeline(schema) + text


def team_template(*, schema: str | None = None) -> str:
    """A users/team.yaml with nobody in it yet and two examples in its comments."""
    return _modeline(schema) + _TEAM


def _proposed(proposal: Proposal) -> str:
    lines = [f"  min_admins: {proposal.min_admins}"]
    if proposal.protected:
        lines.append(f"  protected: {_in_flow(proposal.protected)}     # never leave, never lose a role")
    if proposal.email_domains:
        lines.append(f"  email_domains: {_in_flow(proposal.email_domains)}     # addresses of these domains only")
    if proposal.approved:
        lines.append("  approved:")
        lines += [
            f"    - {{digest: {digest}, for: {json.dumps(entry.purpose)}, until: {entry.until}}}"
            for entry in proposal.approved
            for digest in entry.digests
        ]
    return "\n".join(lines) + "\n"


def _in_flow(items: Sequence[str]) -> str:
    return f"[{', '.join(json.dumps(item, ensure_ascii=False) for item in items)}]"


def _modeline(schema: str | None) -> str:
    return f"# yaml-language-server: $schema={schema}\n" if schema is not None else ""


_ENGINES: Final[Mapping[Engine, str]] = {
    "direct": "direct        # or pulumi, for teams: locks, history, stack outputs",
    "pulumi": "pulumi        # or direct: no state, and no CLI to install",
    "auto": "auto          # beside a loopback endpoint only: pulumi where it is installed",
}

_RESOURCES: Final[Mapping[Resources, str]] = {
    "user": "\npulumi: {resources: user}     # or team, a resource a team file: many times faster from 300 users on",
    "team": "\npulumi: {resources: team}     # or user, a resource each: a preview with a line a person, and slower",
}

_FLEX: Final = """\
# One Flex instance, and how flexres may change it. Users are in users/*.yaml, one file a team.
version: 1
id: {id}            # who we are on a Worker's marker: never change it
account: {account}
instance: {instance}
engine: {engine}

# What holds for every user of this stack. A team's file, and a user, may say otherwise; null opts out.
# defaults:
#   attributes: {{location: London}}

policy:
  timezone: UTC              # in which until: ends a day, such as Europe/London
  retire: deprovision        # or keep: let go of the user and change nothing but our marker
  retire_when: offline       # or now; offline: never in the middle of a conversation
  retire_within: 24h         # how long waiting for that is normal
  unmanaged: report          # or ignore: users in Flex that no file here names
  max_removals: 10%          # retirements, and losses of admin or supervisor; or a number
  max_changes: 30%           # adoptions and updates
{policy}
# leavers: [max@example.com]           # leave by name, whatever their marker says

# Single sign-on has a section of its own. Begin it with "sso: {{type: enhanced, writer: console}}", and flexres sso
# checklist says what else to fill in, and what to enter where in Twilio Console. Until it is filled in, flexres
# validate says what lacks, and nothing is planned.
"""

_USUAL: Final = """\
  min_admins: 1
  # protected: [owner@example.com]     # never leave, never lose a role
  # email_domains: [example.com]       # addresses of these domains only
"""

_TEAM: Final = """\
# One team. The key of a user is the username; email is the same unless it says otherwise.
# Left out means: not managed here. An empty list means: empty.
defaults:
  roles: [agent]

users: {}
# users:
#   ana@example.com:
#     full_name: Ana Ruiz
#     roles: [agent, supervisor]
#     skills: {billing: 3, returns: true}                 # a level, or true for a skill without levels
#     attributes: {languages: [en, de], vip: true}        # natural YAML, or Twilio's spelling: level.int: 3
#     channels: {voice: {available: true}, chat: {capacity: 3}}
#     insights: {department: Sales, team_id: "1"}
#     until: 2027-01-31                                   # the last day of seasonal staff
#   bob@example.com:
#     full_name: Bob Bobson
"""
