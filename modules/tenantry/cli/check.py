"""`tenantry check`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    if not problems and not _checked(documents):
        problems = [problem("TEN-100", "there is no document to check", "name a file, or a folder with YAML files")]
    write = _write_json if form is Format.JSON else _write_text
    write(documents, judgement, problems)
    raise typer.Exit(Exit.INPUT if problems else Exit.DONE)


def _checked(documents: "Documents") -> dict[tuple[str, int], tuple[str, str]]:
    """Give kind and name of every sound document that was to be checked, by its place."""
    every = (*documents.requests, *documents.sources.values())
    return {(d.file, d.start.line): (d.kind, d.name) for d in every if d.file not in documents.context_files}


def _write_text(documents: "Documents", judgement: "Judgement", problems: list[Problem]) -> None:
    for found in problems:
        typer.echo(str(found))
    for unjudged in judgement.unjudged:
        typer.echo(f"Not judged: {unjudged}.")
    sound = len(_checked(documents))
    typer.echo(
        f"{sound} document{'' if sound == 1 else 's'} read, {len(problems) or 'no'} problem{'s'[: len(problems) != 1]}."
    )


def _write_json(documents: "Documents", judgement: "Judgement", problems: list[Problem]) -> None:
    """Write one result a finding; `allow` counts the documents without one."""
    import orjson

    checked = _checked(documents)
    results = [_result(found, "deny", _object_at(found, checked)) for found in problems]
    for unjudged in judgement.unjudged:
        found = problem("TEN-160", f"not judged: {unjudged}", "name the folder with --context")
        results.append(_result(found, "undecidable", ("", "")))
    at_fault = {(result["file"], result["object"]["name"]) for result in results}
    summary = {
        "objects": len(checked),
        "allow": sum((file, name) not in at_fault for (file, _), (_, name) in checked.items()),
        "warn": 0,
        "deny": len(problems),
        "undecidable": len(judgement.unjudged),
    }
    typer.echo(orjson.dumps({"summary": summary, "results": results}, option=orjson.OPT_INDENT_2))


def _object_at(found: Problem, checked: dict[tuple[str, int], tuple[str, str]]) -> tuple[str, str]:
    """Give kind and name of the document that a problem's line is in; nothing for one that couldn't be read."""
    above = [place for place in checked if place[0] == found.file and place[1] <= found.line]
    return checked[max(above)] if above else ("", "")


def _result(found: Problem, verdict: str, about: tuple[str, str]) -> dict[str, Any]:
    kind, name = about
    return {
        "policy": "contract",
        "layer": "request",
        "verdict": verdict,
        "code": found.code,
        "message": f"{found.message}. Fix: {found.fix}.",
        "object": {"apiVersion": "tenantry.dev/v1" if kind else "", "kind": kind, "namespace": "", "name": name},
        "file": found.file,
        "line": found.line,
        "controls": [],
        "waiver": None,
    }
