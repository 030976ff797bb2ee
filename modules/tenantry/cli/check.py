"""`tenantry check`."""

from bisect import bisect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from tenantry.cli import app
from tenantry.cli.options import Format, OutputFormat
from tenantry.problems import Exit, Problem, problem

if TYPE_CHECKING:
    from tenantry.contract.load import Documents, Judgement


@app.command(short_help="Say all that is wrong with requests and their like.")
def check(
    paths: Annotated[
        list[Path], typer.Argument(help="Files and folders to check.", readable=False, show_default=False)
    ],
    context: Annotated[
        list[Path] | None,
        typer.Option(
            help="Files and folders with the sites, departments and other tenants that requests refer to. "
            "By default the nearest folder around that holds them.",
            readable=False,
        ),
    ] = None,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Check requests, sites, departments, waivers, grants and baselines; say everything that is wrong at once.

    Exits 0 when nothing is wrong, 2 when something is.

    Example: tenantry check stacks/example/tenants/laa-portal.yaml
    """
    from tenantry.contract.load import judge, load_baseline, read_documents
    from tenantry.contract.reading.finding import government_root

    around = context if context is not None else [root for path in paths if (root := government_root(path))]
    documents, unsound = read_documents(paths, context=around)
    judgement = judge(documents, load_baseline())
    problems = sorted({*unsound, *(p for p in judgement.problems if p.file not in documents.context_files)})
    checked = _checked(documents)
    if not problems and not checked:
        problems = [problem("TEN-100", "there is no document to check", "name a file, or a folder with YAML files")]
    write = _write_json if form is Format.JSON else _write_text
    write(checked, judgement, problems)
    raise typer.Exit(Exit.INPUT if problems else Exit.DONE)


class _Checked(NamedTuple):
    """A document that was to be checked; one that no schema has passed may lack a kind and a name."""

    file: str
    line: int
    kind: str
    name: str


def _checked(documents: "Documents") -> list[_Checked]:
    """Give every document that was to be checked, sound or not, by its place."""
    every = (*documents.requests, *documents.sources.values(), *documents.broken)
    return sorted(
        _Checked(one.file, one.start.line, one.text("kind") or "", one.text("metadata", "name") or "")
        for one in every
        if one.file not in documents.context_files
    )


def _write_text(checked: list[_Checked], judgement: "Judgement", problems: list[Problem]) -> None:
    for found in problems:
        typer.echo(str(found))
    for unjudged in judgement.unjudged:
        typer.echo(f"Not judged: {unjudged}.")
    count = len(checked)
    typer.echo(
        f"{count} document{'' if count == 1 else 's'} read, {len(problems) or 'no'} problem{'s'[: len(problems) != 1]}."
    )


def _write_json(checked: list[_Checked], judgement: "Judgement", problems: list[Problem]) -> None:
    """Write one result a finding; `allow` counts the documents without one."""
    import orjson

    about = [_document_at(found, checked) for found in problems]
    results = [_result(found, "deny", document) for found, document in zip(problems, about, strict=True)]
    for unjudged in judgement.unjudged:
        found = problem("TEN-160", f"not judged: {unjudged}", "name the folder with --context")
        results.append(_result(found, "undecidable", None))
    summary = {
        "objects": len(checked),
        "allow": len({*checked} - {*about}),
        "warn": 0,
        "deny": len(problems),
        "undecidable": len(judgement.unjudged),
    }
    typer.echo(orjson.dumps({"summary": summary, "results": results}, option=orjson.OPT_INDENT_2))


def _document_at(found: Problem, checked: list[_Checked]) -> _Checked | None:
    """Give the document that a problem's line is in; nothing where it couldn't be read."""
    above = bisect(checked, (found.file, found.line), key=lambda one: one[:2])
    return checked[above - 1] if above and checked[above - 1].file == found.file else None


def _result(found: Problem, verdict: str, about: _Checked | None) -> dict[str, Any]:
    kind, name = (about.kind, about.name) if about else ("", "")
    return {
        "policy": "contract",
        "layer": "request",
        "verdict": verdict,
        "code": found.code,
        "message": f"{found.message}. Fix: {found.fix}.",
        "object": {"apiVersion": "tenantry.dev/v1" if kind else "", "kind": kind, "namespace": "", "name": name},
        "file": found.file,
        "line": found.line,
        "column": found.column,
        "controls": [],
        "waiver": None,
    }
