"""Faults on request: which one, if any, a request meets; one line of text each:

    429:rate=0.2:retry_after=1      one request in five, at random, with a Retry-After header
    429:burst=10:every=50           the first ten of every fifty
    429:concurrency=8               whenever more than eight requests are in flight
    500:before:match=Provision:times=1    once, before the write takes effect
    503:after:match=POST /v4        after it took effect: the answer is lost
    html:after                      a proxy's 502 page instead of JSON
    reset:before  reset:after       the connection is reset
    slow:2                          the body trickles in over two seconds
    hang:30                         nothing is answered for 30 seconds
    stall:30                        half of the body, then nothing for 30 seconds
    truncate                        a JSON body that ends in the middle
    endless                         a JSON body that never ends
    cut                             a connection that ends in the middle of the body
    expired-page                    a page token that is no longer valid: 400/21481 where a list goes on
    delay-visibility:3              reads do not show the writes of the last three seconds
    412-editor:times=1              somebody edits a Worker just before a write with If-Match arrives
    404-deleter:times=1             somebody deletes it then

Any of them takes `match=` (a pattern searched in `METHOD /path`), `rate=` (a probability, random but the
same in every run: `seed=` chooses another), `times=` (how often at most), `skip=` (how many matches to let pass first)
and `burst=`/`every=`. The first rule that fires decides; `delay-visibility` does not stand in the way of others.

SQLite's triggers note how to undo each change of what reads show. A late read undoes what is too new inside
a savepoint, runs, and rolls back; the handlers of reads never wait, so no other request sees the detour.
"""

from __future__ import annotations

import random
import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from flexres.sandbox.errors import SandboxError
from flexres.sandbox.requestlog import Pattern

When = Literal["before", "after"]

_NUMBERS = ("rate", "retry_after", "seed", "times", "skip", "burst", "every", "concurrency")
_OPTION = re.compile(rf":(?=(?:before|after)(?::|$)|(?:match|{'|'.join(_NUMBERS)})=|[0-9.]+(?::|$))")
_TIMED = ("slow", "hang", "stall", "delay-visibility")
_BETWEEN = ("412-editor", "404-deleter")
_UNTIMED = ("html", "reset", "truncate", "endless", "cut", "expired-page", *_BETWEEN)
_WORKER_WRITE = re.compile(r"(?:POST|DELETE) .*/Workers/WK[0-9a-fA-F]{32}$")


@dataclass(frozen=True, slots=True)
class FaultRule:
    """One line of the syntax, parsed. `kind` is a status code or a word; `seconds` is 0 where none apply."""

    text: str
    kind: str
    when: When
    match: Pattern
    seconds: float = 0
    rate: float = 1
    retry_after: str | None = None
    seed: int = 0
    times: int | None = None
    skip: int = 0
    burst: int | None = None
    every: int = 1
    concurrency: int | None = None

    @property
    def status(self) -> int | None:
        """The HTTP status, for the kinds that are one."""
        return int(self.kind) if self.kind.isdigit() else None


def parse_fault(text: str) -> FaultRule:
    """Parses one line.

    Raises:
        SandboxError: the line is wrong; the message says which part.
    """
    kind, *parts = _OPTION.split(text)
    if not (kind in _TIMED or kind in _UNTIMED or re.fullmatch(r"[45][0-9]{2}", kind)):
        kinds = ", ".join(("a status such as 429 or 503", *_TIMED, *_UNTIMED))
        raise SandboxError(f"fault {text!r}: {kind!r} is no fault or option; expected {kinds}")
    options: dict[str, str] = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if part in ("before", "after"):
            options["when"] = part
        elif equals:
            options[name] = value
        else:
            options["seconds"] = part
    _check_sense(text, kind, options)
    try:
        return _rule(text, kind, options)
    except (ValueError, SandboxError) as error:
        raise SandboxError(f"fault {text!r}: {error}") from error


def _check_sense(text: str, kind: str, options: dict[str, str]) -> None:
    problem = None
    if kind in _TIMED and "seconds" not in options:
        problem = f"say for how long, as in {kind}:2"
    elif "seconds" in options and kind not in _TIMED:
        problem = f"{kind} lasts no time: take {options['seconds']!r} out"
    elif kind == "429" and options.get("when") == "after":
        problem = "a request that was answered 429 was never processed, so there is no after"
    elif "retry_after" in options and kind not in ("429", "503"):
        problem = "retry_after belongs to 429 and 503"
    elif ("burst" in options) != ("every" in options):
        problem = "burst and every belong together, as in burst=10:every=50"
    if problem:
        raise SandboxError(f"fault {text!r}: {problem}")


def _rule(text: str, kind: str, options: dict[str, str]) -> FaultRule:
    rate = float(options.get("rate", "1"))
    if not 0 <= rate <= 1:
        raise ValueError("rate is a probability, from 0 to 1")
    return FaultRule(
        text=text,
        kind=kind,
        when="after" if options.get("when") == "after" else "before",
        match=Pattern(options.get("match", "")),
        seconds=float(options.get("seconds", "0")),
        rate=rate,
        retry_after=options.get("retry_after"),
        seed=int(options.get("seed", "0")),
        times=int(options["times"]) if "times" in options else None,
        skip=int(options.get("skip", "0")),
        burst=int(options["burst"]) if "burst" in options else None,
        every=max(1, int(options.get("every", "1"))),
        concurrency=int(options["concurrency"]) if "concurrency" in options else None,
    )


class _ActiveFault:
    """A rule and how often it has been asked and has fired."""

    def __init__(self, rule: FaultRule) -> None:
        self.rule = rule
        self._random = random.Random(rule.seed)  # noqa: S311  repeatable, not secret
        self._seen = 0
        self._fired = 0

    def fires(self, line: str, *, in_flight: int = 0, conditional: bool = False, goes_on: bool = False) -> bool:
        rule = self.rule
        if not rule.match.found_in(line):
            return False
        if rule.kind in _BETWEEN and not (conditional and _WORKER_WRITE.search(line)):
            return False
        if rule.kind == "expired-page" and not goes_on:
            return False
        turn = self._seen - rule.skip
        self._seen += 1
        if (
            turn < 0
            or (rule.times is not None and self._fired >= rule.times)
            or (rule.burst is not None and turn % rule.every >= rule.burst)
            or (rule.concurrency is not None and in_flight <= rule.concurrency)
            or (rule.rate < 1 and self._random.random() >= rule.rate)
        ):
            return False
        self._fired += 1
        return True


class Faults:
    """The rules in force. They can be changed while the sandbox runs."""

    def __init__(self, lines: Sequence[str] = ()) -> None:
        self._active: list[_ActiveFault] = []
        for line in lines:
            self.add(line)

    @property
    def rules(self) -> list[FaultRule]:
        """The rules in force, in the order in which they are asked."""
        return [active.rule for active in self._active]

    @property
    def delays_visibility(self) -> bool:
        """Whether any rule needs to know the past."""
        return any(rule.kind == "delay-visibility" for rule in self.rules)

    def add(self, line: str) -> FaultRule:
        """Adds a rule.

        Raises:
            SandboxError: the line is wrong.
        """
        rule = parse_fault(line)
        self._active.append(_ActiveFault(rule))
        return rule

    def clear(self) -> None:
        """Ends all faults."""
        self._active.clear()

    def pick(
        self, method: str, path: str, *, in_flight: int, conditional: bool = False, goes_on: bool = False
    ) -> FaultRule | None:
        """The fault that this request meets; `conditional`: it has If-Match, `goes_on`: it asks for a later page."""
        line = f"{method} {path}"
        for active in self._active:
            if active.rule.kind != "delay-visibility" and active.fires(
                line, in_flight=in_flight, conditional=conditional, goes_on=goes_on
            ):
                return active.rule
        return None

    def lag(self, method: str, path: str) -> float:
        """How many seconds of writes this read must not see."""
        if method != "GET":
            return 0
        line = f"{method} {path}"
        return max(
            (
                active.rule.seconds
                for active in self._active
                if active.rule.kind == "delay-visibility" and active.fires(line)
            ),
            default=0,
        )


_TABLES = ("users", "workers", "channels", "task_queues", "workflows", "events")
_CLOCK = "(julianday('now') - 2440587.5) * 86400.0"


class History:
    """Undo notes of one connection, kept only while somebody wants them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._recording = False

    def record(self, wanted: bool) -> None:
        """Starts or stops taking notes; what was written before is never undone."""
        if wanted == self._recording:
            return
        self._recording = wanted
        if wanted:
            self._connection.execute("CREATE TEMP TABLE undo (seq INTEGER PRIMARY KEY, at REAL, sql TEXT)")
        for table in _TABLES:
            for statement in self._triggers(table) if wanted else _drop_triggers(table):
                self._connection.execute(statement)
        if not wanted:
            self._connection.execute("DROP TABLE temp.undo")

    @contextmanager
    def as_of(self, seconds_ago: float) -> Iterator[None]:
        """What is read inside is `seconds_ago` old. Nothing may be written, nor awaited, inside."""
        horizon = time.time() - seconds_ago
        self._connection.execute("SAVEPOINT past")
        try:
            notes = self._connection.execute("SELECT sql FROM temp.undo WHERE at > ? ORDER BY seq DESC", (horizon,))
            for (statement,) in notes.fetchall():
                self._connection.execute(statement)
            yield
        finally:
            self._connection.execute("ROLLBACK TO past")
            self._connection.execute("RELEASE past")

    def _triggers(self, table: str) -> Iterator[str]:
        """Statements that note, for each kind of change, the SQL that takes it back."""
        columns = [row[1] for row in self._connection.execute(f"PRAGMA table_info({table})")]
        names = ", ".join(columns)
        restored = " || ', ' || ".join(f"'{column} = ' || quote(old.{column})" for column in columns)
        values = " || ', ' || ".join(f"quote(old.{column})" for column in columns)
        undo = {
            "INSERT": f"'DELETE FROM {table} WHERE seq = ' || new.seq",  # noqa: S608  our own table names
            "UPDATE": f"'UPDATE {table} SET ' || {restored} || ' WHERE seq = ' || old.seq",  # noqa: S608
            "DELETE": f"'INSERT INTO {table} ({names}) VALUES (' || {values} || ')'",  # noqa: S608
        }
        for event, sql in undo.items():
            yield (
                f"CREATE TEMP TRIGGER undo_{event}_{table} AFTER {event} ON main.{table} BEGIN"  # noqa: S608
                f" INSERT INTO undo (at, sql) VALUES ({_CLOCK}, {sql}); END"
            )


def _drop_triggers(table: str) -> Iterator[str]:
    for event in ("INSERT", "UPDATE", "DELETE"):
        yield f"DROP TRIGGER temp.undo_{event}_{table}"
