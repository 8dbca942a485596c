"""Loading a stack: every file read, every problem of every file told at once, the users resolved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, cast

from pydantic import TypeAdapter, ValidationError

from flexres.collector import without_collector
from flexres.desired import checks
from flexres.desired.checks import policy_warnings
from flexres.desired.model import Sso, StackConfig
from flexres.desired.schema import users_yaml as entries
from flexres.desired.schema.flex_yaml import FlexFile, policy_of
from flexres.desired.schema.idp import claim_values, idp_problems, read_idp
from flexres.desired.schema.sso import SsoSection
from flexres.desired.schema.sso_checks import read_sso
from flexres.desired.schema.validation_messages import problems_of
from flexres.desired.source import Source, UnreadableFile, is_yaml
from flexres.desired.stack import Stack
from flexres.desired.users import Entry, Findings, Layer, desired_user, merge, read_layer
from flexres.desired.yaml.problems import Locator, problem_at
from flexres.desired.yaml.tree import compose, decode, is_ordinary
from flexres.desired.yaml.values import Unusual, read_values
from flexres.errors import InvalidStack, Position, Problem, SetupError, in_order

__all__ = ["Stack", "load_stack"]

CONFIG: Final = "flex.yaml"
_USERS: Final = "users/"
_ALL_FIELDS: Final = frozenset(entries.USER_FIELDS)


def load_stack(
    source: Source, *, name: str, as_of: date | None = None, may_be_empty: bool = False, unfinished_sso: bool = False
) -> Stack:
    """The stack that a source holds; `as_of` is today in the policy's time zone, for warnings of past days.

    `may_be_empty`: users are only now to be written into it, so that no team file has to be there. `unfinished_sso`:
    what `sso:` still lacks is no problem.

    Raises InvalidStack with the problems of all files, and SetupError where there is no stack.
    """
    with without_collector():
        return _Loader(source, as_of, may_be_empty=may_be_empty, unfinished_sso=unfinished_sso).load(name)


def load_config(source: Source) -> StackConfig:
    """What flex.yaml alone says; no team file is read.

    Raises InvalidStack where it says nothing that can be used, and SetupError where there is none.
    """
    with without_collector():
        return _Loader(source, None, may_be_empty=True, unfinished_sso=True).config()


@dataclass(frozen=True, slots=True)
class _Config:
    """What flex.yaml says, as far as it can be read: `config` is None where it cannot.

    `unsure` are the user fields whose stack defaults have problems: users who lack them are not told twice.
    """

    defaults: Layer
    unsure: frozenset[str]
    leavers: tuple[str, ...]
    config: StackConfig | None


class _Loader:
    """One run over a source, gathering problems as it goes; those without a place in the text get it at the end."""

    def __init__(self, source: Source, as_of: date | None, *, may_be_empty: bool, unfinished_sso: bool) -> None:
        self._source = source
        self._as_of = as_of
        self._may_be_empty = may_be_empty
        self._unfinished_sso = unfinished_sso
        self._locator = Locator(source)
        self._findings = Findings()

    def config(self) -> StackConfig:
        if CONFIG not in self._source.files():
            raise SetupError(f"{self._source.shown(CONFIG)} does not exist")
        config = self._config().config
        if config is None:
            raise InvalidStack(tuple(map(self._locator.located, self._findings.problems)), files=1)
        return config

    def load(self, name: str) -> Stack:
        as_of = self._as_of
        team_files = self._team_files(self._source.files())
        self._findings.problems += self._source.problems()
        read = self._config()
        config = read.config
        found = [entry for file in team_files for entry in self._entries(file, read)]
        problems = self._findings.problems
        unique = checks.unique_entries(found, self._locator, problems)
        users = {username: desired_user(unique[username], problems) for username in sorted(unique)}
        problems += checks.leaver_problems(read.leavers, unique)
        if config is not None and config.idp is None:
            problems += checks.claim_problems(config.sso, unique, users)
        elif config is not None:
            problems += idp_problems(config.idp, config.sso)
            problems += claim_values(config.sso, users, unique) if config.sso is not None else ()
        problems += checks.rename_problems(users, unique)
        problems += checks.persona_warnings(users, unique, as_of)
        problems += checks.leaving_warnings(users, unique, as_of)
        problems += checks.workspace_warnings(users)
        if config is not None:
            problems += policy_warnings(config, users, unique, as_of)
        if not self._may_be_empty:
            problems += checks.team_file_problems(team_files, self._source.problems())
        problems += self._findings.warnings()
        files = [CONFIG, *team_files]
        located = in_order(map(self._locator.located, problems))
        errors = tuple(problem for problem in located if problem.severity == "error")
        if errors or config is None:
            raise InvalidStack(errors, files=len(files))
        names = {self._source.shown(file): file for file in files}
        return Stack(name, config, users, located, tuple(names), self._locator, names)

    def _team_files(self, names: Sequence[str]) -> list[str]:
        """The team files among a source's names; what is misplaced or misnamed is a problem."""
        if CONFIG not in names and self._source.problems():
            raise InvalidStack(tuple(self._source.problems()), files=len(names))
        if CONFIG not in names:
            hint = "rename flex.yml to flex.yaml" if "flex.yml" in names else "make one with: flexres init"
            raise SetupError(f"{self._source.shown(CONFIG)} does not exist", hint=hint)
        team_files = []
        for name in names:
            if name.startswith(_USERS) and "/" not in name[len(_USERS) :] and name.endswith((".yaml", ".yml")):
                team_files.append(name)
            elif name.startswith(_USERS) and is_yaml(name):
                lower = name.rpartition(".")[0] + name[name.rindex(".") :].lower()
                moved = _USERS + lower[len(_USERS) :].replace("/", "-")
                self._problem(
                    name, "this file is not read: only .yaml files directly in users/ are", f"move it to {moved}"
                )
            elif name != CONFIG:
                self._problem(name, "this file is not read", f"users belong in {_USERS}, everything else in {CONFIG}")
        return team_files

    def _problem(self, file: str, message: str, hint: str) -> None:
        self._note(Problem(message, hint), file)

    def _note(self, problem: Problem, file: str) -> None:
        """A problem of a file as a whole."""
        self._findings.problems.append(problem.at(Position(self._source.shown(file), 1, 1)))

    def _values(self, file: str) -> Any:
        """The values of a file; None where it has none, or none that can be used."""
        try:
            data = self._source.read(file)
        except UnreadableFile as error:
            self._note(error.problem, file)
            return None
        if is_ordinary(data):
            try:
                value = read_values(data)
            except Unusual:
                value = self._values_carefully(file, data)
        else:
            value = self._values_carefully(file, data)
        if value is None and not self._is_malformed(file):
            empty = (
                "write users: {} if nobody is left in it, or delete the file" if file != CONFIG else "run flexres init"
            )
            self._problem(file, "the file is empty", empty)
        return value

    def _is_malformed(self, file: str) -> bool:
        """Whether the form of a file was wrong: what it lacks may have been lost."""
        shown = self._source.shown(file)
        places = (problem.place for problem in self._findings.problems)
        return any(isinstance(place, Position) and place.file == shown for place in places)

    def _values_carefully(self, file: str, data: bytes) -> Any:
        shown = self._source.shown(file)
        text, problems = decode(data, shown)
        tree = None
        if not problems:
            tree, problems = compose(text, shown)
        self._findings.problems += problems
        return tree.value if tree is not None else None

    def _config(self) -> _Config:
        values = self._values(CONFIG)
        if values is None:
            return _Config({}, _ALL_FIELDS, (), None)
        try:
            written = FlexFile.model_validate(values)
        except ValidationError as error:
            self._findings.problems += problems_of(error, CONFIG)
            return self._salvaged(values if isinstance(values, dict) else {})
        if written.engine == "auto" and written.endpoint is None:
            hint = "write engine: direct or engine: pulumi, so that a laptop and CI do the same"
            problem = problem_at(CONFIG, ("engine",), "auto stands only beside a loopback endpoint", hint)
            self._findings.problems.append(problem)
        defaults = self._stack_defaults(cast(Layer, written.defaults or {}))
        return _Config(defaults, frozenset(), tuple(written.leavers or ()), self._stack_config(written))

    def _salvaged(self, values: Mapping[str, Any]) -> _Config:
        """What of a flex.yaml with errors helps to find the other errors."""
        raw = values.get("defaults") or {}
        defaults, broken = _sound_part(entries.shared, raw) if isinstance(raw, dict) else ({}, _ALL_FIELDS)
        leavers = values.get("leavers")
        named = [name for name in leavers if isinstance(name, str)] if isinstance(leavers, list) else []
        with suppress(ValidationError):
            self._sso(SsoSection.model_validate(values.get("sso")), offered=bool(values.get("idp")))
        return _Config(self._stack_defaults(defaults), frozenset(broken), tuple(named), None)

    def _stack_defaults(self, written: Layer) -> Layer:
        return merge({}, read_layer(written, CONFIG, ("defaults",), self._findings))

    def _sso(self, section: SsoSection, *, offered: bool) -> Sso:
        unfinished = self._unfinished_sso
        sso, problems = read_sso(section, self._source, self._as_of, offered=offered, unfinished=unfinished)
        self._findings.problems += problems
        return sso

    def _stack_config(self, written: FlexFile) -> StackConfig:
        return StackConfig(
            id=written.id,
            account=written.account,
            instance=written.instance,
            engine=written.engine,
            policy=policy_of(written.policy),
            endpoint=written.endpoint,
            leavers=tuple(written.leavers or ()),
            sso=self._sso(written.sso, offered=written.idp is not None) if written.sso is not None else None,
            idp=read_idp(written.idp) if written.idp is not None else None,
            resources=written.pulumi.resources if written.pulumi is not None else "user",
        )

    def _entries(self, file: str, config: _Config) -> list[Entry]:
        """The users of one team file, merged with all defaults."""
        values = self._values(file)
        if values is None:
            return []
        if isinstance(values, dict) and "users" not in values:
            message, hint = "users is missing", "add users: with a username and its fields below it"
            self._findings.problems.append(problem_at(file, (), message, hint, at_key=True))
        team, broken, unsure_here = self._team(file, values)
        defaults = cast(Layer, team.get("defaults") or {})
        base = merge(config.defaults, read_layer(defaults, file, ("defaults",), self._findings))
        shown = self._source.shown(file)
        unsure = config.unsure | unsure_here | (_ALL_FIELDS if self._is_malformed(file) else frozenset())
        result = []
        for username, entry in (team.get("users") or {}).items():
            own = read_layer(cast(Layer, entry or {}), file, ("users", username), self._findings)
            doubtful = unsure | broken[username] if username in broken else unsure
            result.append(Entry(username, file, shown, own, merge(base, own), doubtful))
        return result

    def _team(self, file: str, values: Any) -> tuple[entries.TeamFile, Mapping[str, set[str]], frozenset[str]]:
        """A team file as far as it is sound, the refused fields of each user, and those of the defaults."""
        try:
            return entries.team_file.validate_python(values), {}, frozenset()
        except ValidationError as error:
            self._findings.problems += problems_of(error, file)
        if not isinstance(values, dict):
            return {}, {}, _ALL_FIELDS
        users, broken = _sound_users(values.get("users"))
        raw = values.get("defaults") or {}
        defaults, unsure = _sound_part(entries.shared, raw) if isinstance(raw, dict) else ({}, _ALL_FIELDS)
        return {"defaults": cast(entries.Shared, defaults), "users": users}, broken, frozenset(unsure)


def _sound_users(raw: Any) -> tuple[dict[str, entries.UserEntry | None], dict[str, set[str]]]:
    """The users of a file with errors, without the fields at fault, and which those are."""
    users: dict[str, entries.UserEntry | None] = {}
    broken: dict[str, set[str]] = {}
    if not isinstance(raw, dict):
        return users, broken
    for username, written in raw.items():
        if not _passes(entries.username.validate_python, username):
            continue
        if written is not None and not isinstance(written, dict):
            users[username], broken[username] = {}, set(_ALL_FIELDS)
            continue
        sound, refused = _sound_part(entries.entry, written or {})
        users[username] = cast(entries.UserEntry, sound)
        if refused:
            broken[username] = refused
    return users, broken


def _passes(validate: Callable[[Any], Any], value: Any) -> bool:
    try:
        validate(value)
    except ValidationError:
        return False
    return True


def _sound_part(adapter: TypeAdapter[Any], written: Mapping[str, Any]) -> tuple[Layer, set[str]]:
    """What of a map of fields is in order, and the names of the fields that are not."""
    try:
        return adapter.validate_python(written), set()
    except ValidationError as error:
        refused = {str(detail["loc"][0]) for detail in error.errors(include_url=False) if detail["loc"]}
    left = {name: value for name, value in written.items() if name not in refused}
    return adapter.validate_python(left), refused
