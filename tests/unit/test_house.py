"""The house's rule, read from the imports: data flows one way, and who may do what stays where it belongs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import flexres

ROOT = Path(flexres.__file__).parent
LONGEST = 400
"""Lines of a module. Around 300 it asks to be two; this is where it has to be."""


@dataclass(frozen=True, eq=False)
class Module:
    """One source file, parsed."""

    name: str
    is_package: bool
    text: str
    tree: ast.Module

    @property
    def part(self) -> str:
        """The folder of the house it stands in: `desired`, `live`, …, or its own name at the top."""
        return self.name.split(".")[1] if "." in self.name else ""

    @cache  # noqa: B019 - the modules live as long as the tests
    def imports(self) -> set[str]:
        """Every module that it imports, anywhere and in whichever way, by its dotted name."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node)
                found.add(base)
                found.update(f"{base}.{alias.name}" for alias in node.names)
        return found

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        above = self.name.split(".")
        above = above[: len(above) - node.level + self.is_package]
        return ".".join([*above, *([node.module] if node.module else [])])


@cache
def modules() -> tuple[Module, ...]:
    """All of flexres."""
    return tuple(_read(path) for path in sorted(ROOT.rglob("*.py")))


def _read(path: Path) -> Module:
    parts = ["flexres", *path.relative_to(ROOT).with_suffix("").parts]
    is_package = parts[-1] == "__init__"
    text = path.read_text(encoding="utf-8")
    return Module(".".join(parts[:-1] if is_package else parts), is_package, text, ast.parse(text))


def house(*parts: str) -> Iterator[Module]:
    """The modules of these parts."""
    return (module for module in modules() if module.part in parts)


def offenders(parts: tuple[str, ...], forbidden: tuple[str, ...], allowed: tuple[str, ...] = ()) -> list[str]:
    """`module imports other` for each forbidden import, as one reads it."""
    return [
        f"{module.name} imports {name}"
        for module in house(*parts)
        for name in sorted(module.imports())
        if _within(name, forbidden) and not _within(name, allowed)
    ]


def _within(name: str, trees: tuple[str, ...]) -> bool:
    return any(name == tree or name.startswith(f"{tree}.") for tree in trees)


def test_the_reader_of_imports_sees_every_form():
    """Plain, from, relative, inside a function, and one of a package's own."""
    text = "import a.b\nfrom c import d\ndef f():\n    from . import e\n    from ..live import model\n"
    module = Module("flexres.apply.direct", False, text, ast.parse(text))
    assert module.imports() >= {"a.b", "c.d", "flexres.apply.e", "flexres.live.model"}
    package = Module("flexres.apply", True, "from .gate import Gate", ast.parse("from .gate import Gate"))
    assert "flexres.apply.gate.Gate" in package.imports()


# Who knows whom: each room may know those before it in this order, and none behind it.
ORDER = (
    ("errors", "values", "text", "files", "collector"),
    ("desired",),
    ("live",),
    ("routing",),
    ("reconcile",),
    ("idp",),
    ("sso",),
    ("session",),
    ("apply",),
    ("resources",),
    ("pulumi",),
    ("report",),
    ("verify",),
    ("cli",),
)


@pytest.mark.parametrize("place", range(len(ORDER)), ids=[rooms[0] for rooms in ORDER])
def test_data_flows_one_way(place):
    """desired + live → reconcile → apply → report, and the command line over all of them."""
    behind = tuple(f"flexres.{room}" for rooms in ORDER[place + 1 :] for room in rooms)
    assert offenders(ORDER[place], behind) == []


def test_the_order_names_every_room():
    """Nothing stands beside the flow but the sandbox."""
    ordered = {room for rooms in ORDER for room in rooms}
    assert {module.part for module in modules()} - ordered <= {"", "sandbox", "__main__"}


def test_no_room_has_a_circle():
    """Of the modules of one room, none leads back to itself."""
    by_name = {module.name: module for module in modules()}
    known = {name: sorted((module.imports() & by_name.keys()) - {name}) for name, module in by_name.items()}
    done: set[str] = set()
    circles: list[str] = []

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if name in trail:
            circles.append(" → ".join([*trail[trail.index(name) :], name]))
        elif name not in done:
            for other in known[name]:
                if not by_name[other].is_package:
                    visit(other, (*trail, name))
            done.add(name)

    for name in sorted(known):
        visit(name, ())
    assert circles == []


def test_between_the_folders_of_a_room_imports_go_one_way():
    """Of two folders within a room at most one knows the other."""
    known = {
        (_folder(module.name), _folder(name))
        for module in modules()
        for name in module.imports()
        if name.startswith(f"flexres.{module.part}.")
    }
    circles = {(one, other) for one, other in known if one < other and (other, one) in known and "" not in (one, other)}
    assert circles == set()


def _folder(name: str) -> str:
    """`desired.yaml` for `flexres.desired.yaml.values` and what it holds; empty for what stands in the room itself."""
    parts = name.split(".")
    return ".".join(parts[1:3]) if (ROOT / parts[1] / parts[2]).is_dir() else ""


def test_the_sandbox_shares_no_code_with_the_client():
    """One misreading of the wire must not cancel itself out."""
    assert offenders(("sandbox",), ("flexres",), ("flexres.sandbox",)) == []


def test_only_the_command_line_knows_the_sandbox():
    """Nothing that meets a real account starts a local one."""
    parts = tuple({module.part for module in modules()} - {"sandbox", "cli"})
    assert offenders(parts, ("flexres.sandbox",)) == []


KNOWN_TO_RECONCILE = (
    "flexres.desired.model",
    "flexres.live.model",
    # How a Worker's attributes are written as text, which the plan counts: no more than functions of texts.
    "flexres.live.exact_json",
    "flexres.live.exact_json",
    "flexres.routing",
    "flexres.values",
    "flexres.errors",
    "flexres.reconcile",
)
KNOWN_TO_EXPORT = ("flexres.desired.schema", "flexres.desired.users")
"""An export is the way back into YAML, so it has to know what the YAML allows; nothing of a plan does."""


def test_reconcile_knows_values_only():
    """The models, values and errors: what it is given and what it gives."""
    found = [
        line
        for line in offenders(("reconcile",), ("flexres",), KNOWN_TO_RECONCILE)
        # `from flexres.desired import model` names the package too, which is empty.
        if line.rpartition(" ")[2] not in {"flexres.desired", "flexres.live", "flexres.live.taskrouter"}
        and not (line.startswith("flexres.reconcile.export") and _within(line.rpartition(" ")[2], KNOWN_TO_EXPORT))
    ]
    assert found == []


def test_what_a_plan_knows_reads_nothing_either():
    """Purity holds through every import that planning leads to."""
    by_name = {module.name: module for module in modules()}
    seen: set[str] = set()
    waiting = ["flexres.reconcile.plan"]
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(by_name[name].imports() & by_name.keys())
    impure = [
        f"{name} imports {found}"
        for name in sorted(seen)
        for found in sorted(by_name[name].imports())
        if _within(found, IMPURE)
    ]
    assert impure == []


IMPURE = (
    "aiohttp",
    "asyncio",
    "glob",
    "httpx",
    "io",
    "locale",
    "logging",
    "os",
    "pathlib",
    "random",
    "requests",
    "secrets",
    "shutil",
    "socket",
    "sqlite3",
    "structlog",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "urllib.request",
    "uuid",
)
CLOCKS = {"now", "utcnow", "today", "time", "monotonic", "perf_counter", "localtime"}
WORLD = {"open", "print", "input", "exec", "eval", "__import__", "breakpoint"}


def test_reconcile_imports_nothing_that_reads_the_world():
    """No I/O, no environment, no randomness: a plan is a function of its arguments."""
    assert offenders(("reconcile",), IMPURE) == []


def test_reconcile_has_no_clock_and_calls_nothing_that_reads_the_world():
    """`as_of` is an argument."""
    found = [
        f"{module.name}:{node.lineno} calls {ast.unparse(node.func)}"
        for module in house("reconcile")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and (_attribute(node) in CLOCKS or _function(node) in WORLD)
    ]
    assert found == []


def _attribute(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _function(node: ast.Call) -> str:
    return node.func.id if isinstance(node.func, ast.Name) else ""


def test_a_report_does_not_reach_flex():
    """It shows values: of Flex it knows the models alone."""
    models = ("flexres.live.model", "flexres.sso.difference")
    assert offenders(("report",), ("flexres.live", "httpx", "aiohttp", "requests"), models) == [
        line for line in offenders(("report",), ("flexres.live",)) if line.endswith(" flexres.live")
    ]


SPEAKS_HTTP = ("httpx", "aiohttp", "requests", "urllib.request", "http.client")


def test_only_the_http_base_speaks_http():
    """One place for pools, retries, limits and the read-only mode; the sandbox answers, Auth0 is a kind of the base."""
    parts = tuple({module.part for module in modules()} - {"live", "sandbox", "idp"})
    assert offenders(parts, SPEAKS_HTTP) == []
    speakers = {line.partition(" ")[0] for line in offenders(("live", "idp"), SPEAKS_HTTP)}
    assert {name for name in speakers if not name.startswith("flexres.live.http.")} == {"flexres.idp.auth0.transport"}


def test_only_operations_may_hold_what_writes():
    """The clients of the services can write: besides `live` itself, apply, its callers and the commands use them."""
    writers = ("flexres.live.flex.users", "flexres.live.taskrouter.workers", "flexres.live.flex.configuration")
    assert offenders(("desired", "reconcile", "report"), writers) == []


WRITES = {"write_text", "write_bytes"}


def test_files_are_written_in_one_place():
    """Whole or not at all; the sandbox shares no code, and has its own."""
    found = [
        f"{module.name}:{node.lineno} writes"
        for module in modules()
        for node in ast.walk(module.tree)
        if module.part not in {"files", "sandbox"} and isinstance(node, ast.Call) and _attribute(node) in WRITES
    ]
    assert found == []


def test_only_the_command_line_prints():
    """One boundary between values and a terminal; where the command begins, there is no command line yet."""
    parts = {module.part for module in modules()} - {"cli", "__main__"}
    found = [
        f"{module.name}:{node.lineno} prints"
        for module in house(*parts)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and (_function(node) == "print" or ast.unparse(node.func) in {"sys.stdout.write", "sys.stderr.write"})
    ]
    assert found == []


def test_every_module_says_what_it_is_for():
    """Its first sentence names its job and its place in the flow; an empty `__init__` has none."""
    silent = [
        module.name
        for module in modules()
        if module.text.strip() and not (ast.get_docstring(module.tree) or "").strip()
    ]
    assert silent == []


def test_every_module_has_its_annotations_postponed():
    """One way to write types everywhere."""
    late = [
        module.name
        for module in modules()
        if any(
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for node in ast.walk(module.tree)
        )
        and "__future__.annotations" not in module.imports()
    ]
    assert late == []


def test_no_module_is_two():
    """A module has one job."""
    long = {module.name: lines for module in modules() if (lines := len(module.text.splitlines())) > LONGEST}
    assert long == {}


SENTENCES = {"message", "reason", "detail", "hint", "says", "why", "text", "by", "note"}
"""What our own types call the texts that are for people."""
TAKES_APART = {
    "endswith",
    "find",
    "index",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rpartition",
    "rsplit",
    "split",
    "splitlines",
    "startswith",
}
MAY_READ_A_SENTENCE = {
    "flexres.cli.errors: message.startswith('Usage:')": "typer's own text, which tells its help by no type",
    "flexres.cli.errors: message.replace('Value error, ', '', 1)": "pydantic's own words, which typer passes on",
    "flexres.idp.saml.signature: element.text.split()": "the text of an XML element, not one of ours",
}


def _is_sentence(node: ast.expr) -> bool:
    match node:
        case ast.Attribute(attr=name):
            return name in SENTENCES
        case ast.Name(id=name):
            # A local `text` is mostly a file's.
            return name in SENTENCES - {"text"}
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name in SENTENCES
    return False


def _takes_apart(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(attr=method, value=value)):
            return method in TAKES_APART and _is_sentence(value)
        case ast.Compare(ops=operators, comparators=compared):
            pairs = zip(operators, compared, strict=True)
            return any(isinstance(one, ast.In | ast.NotIn) and _is_sentence(other) for one, other in pairs)
    return False


@pytest.mark.parametrize(
    ("code", "decides"),
    [
        ("problem.message.startswith('a')", True),
        ("'a' in error.detail", True),
        ("reason.removeprefix('loses ')", True),
        ("one['hint'].partition(':')", True),
        ("name.startswith('a')", False),
        ("message in messages", False),
        ("violation.message", False),
    ],
)
def test_the_reader_of_sentences_sees_every_form(code, decides):
    """An attribute, a name, an item of JSON; not what only passes a sentence on."""
    assert any(map(_takes_apart, ast.walk(ast.parse(code)))) is decides


def test_no_decision_reads_a_sentence():
    """Data decides, sentences only tell: no code takes apart what our own code words for people."""
    found = {
        f"{module.name}: {ast.unparse(node)}"
        for module in modules()
        for node in ast.walk(module.tree)
        if module.part != "sandbox" and _takes_apart(node)
    }
    assert found == set(map(_spelled, MAY_READ_A_SENTENCE))


def _spelled(known: str) -> str:
    """An entry of the lists with its expression as this Python spells it: quotes within f-strings differ."""
    module, _, expression = known.partition(": ")
    return f"{module}: {ast.unparse(ast.parse(expression))}"
