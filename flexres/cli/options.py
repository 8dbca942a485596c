"""The options that commands share, each declared once so that they read and behave alike everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

STACKS_FOLDER = Path("stacks")

Stack: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--stack", "-s", metavar="NAME", envvar="FLEXRES_STACK", help="Which stack; needed where there are several."
    ),
]
Several: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--stack",
        "-s",
        metavar="NAME",
        envvar="FLEXRES_STACK",
        help="Which stack; or all, or a pattern such as 'eu-*'. Needed where there are several.",
    ),
]
Stacks: TypeAlias = Annotated[
    Path, typer.Option("--stacks", metavar="DIR", help="The folder that holds the stacks.", show_default=True)
]
Out: TypeAlias = Annotated[
    Path | None, typer.Option("--out", "-o", metavar="FILE", help="Write the report to a file instead of printing it.")
]
ReportFormat: TypeAlias = Literal["text", "markdown", "json"]
Format: TypeAlias = Annotated[
    ReportFormat, typer.Option("--format", "-f", metavar="text|markdown|json", help="How the report is written.")
]
PageFormat: TypeAlias = Literal["text", "markdown", "json", "html"]
FormatWithPage: TypeAlias = Annotated[
    PageFormat, typer.Option("--format", "-f", metavar="text|markdown|json|html", help="How the report is written.")
]
PlanFormat: TypeAlias = Literal["text", "markdown", "json", "html", "github", "sarif"]
DriftFormat: TypeAlias = Literal["text", "markdown", "json", "html", "junit"]
FormatOfDrift: TypeAlias = Annotated[
    DriftFormat,
    typer.Option("--format", "-f", metavar="text|markdown|json|html|junit", help="How the report is written."),
]
FormatOfPlan: TypeAlias = Annotated[
    PlanFormat,
    typer.Option(
        "--format",
        "-f",
        metavar="text|markdown|json|html|github|sarif",
        help="How the report is written; github: as annotations of the YAML; sarif: for code scanning.",
    ),
]
Also: TypeAlias = Annotated[
    list[Path] | None,
    typer.Option(
        "--also", metavar="FILE", help="Write it to this file, too; its ending says how: .html .md .json .txt"
    ),
]
Reports: TypeAlias = Annotated[
    Path | None,
    typer.Option("--reports", metavar="DIR", help="Earlier JSON reports: the HTML page shows how differences went."),
]
CiName: TypeAlias = Literal["none", "github"]
Ci: TypeAlias = Annotated[
    CiName,
    typer.Option(
        "--ci",
        metavar="github|none",
        envvar="FLEXRES_CI",
        help="Write annotations, job summary and outputs for GitHub Actions, too.",
    ),
]
LogFormat: TypeAlias = Literal["none", "json"]
Log: TypeAlias = Annotated[
    LogFormat,
    typer.Option("--log", metavar="json|none", help="Log every request and change to stderr, a JSON object a line."),
]
Verbose: TypeAlias = Annotated[bool, typer.Option("--verbose", "-v", help="Leave nothing out of long lists.")]
Approve: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--approve", metavar="DIGEST", help="Lift the guards for exactly the changes of this digest; repeatable."
    ),
]
AllowAdmin: TypeAlias = Annotated[
    list[str] | None, typer.Option("--allow-admin", metavar="USER", help="Let this user become an admin; repeatable.")
]
AllowOlder: TypeAlias = Annotated[
    bool, typer.Option("--allow-older", help="Go on although a newer commit was applied before.")
]
AllowDirty: TypeAlias = Annotated[
    bool, typer.Option("--allow-dirty", help="Go on in CI although the YAML is not as committed.")
]
JudgedByBase: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--base", metavar="REV", help="Judge by the policy of this revision, too, instead of the commit before."
    ),
]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; needed where there is no terminal.")]
Journal: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--journal", metavar="FILE", help="Where to append what is done, instead of .flexres/journal/STACK.jsonl."
    ),
]
SwitchEngine: TypeAlias = Annotated[
    bool, typer.Option("--switch-engine", help="Apply through another engine than the stack's own.")
]
EngineName: TypeAlias = Literal["direct", "pulumi"]
Engine: TypeAlias = Annotated[
    EngineName | None, typer.Option("--engine", metavar="direct|pulumi", help="Through which engine to look or apply.")
]
