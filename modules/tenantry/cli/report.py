"""`tenantry report controls`."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tenantry.cli import app
from tenantry.cli.options import Format, OutputFormat, Policies

if TYPE_CHECKING:
    from tenantry.evidence.coverage import Answer, Coverage
    from tenantry.evidence.frameworks import State

group = typer.Typer(help="Reports for those who answer for security.", short_help="Reports on the baseline.")
app.add_typer(group, name="report", no_args_is_help=True)


@group.command()
def controls(
    framework: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A framework; may be given several times. By default all."),
    ] = None,
    policy: Policies = None,
    form: OutputFormat = Format.TEXT,
) -> None:
    """Show which controls of published frameworks the policies cover, on which layer, and by which mapping.

    A mapping is verified where somebody has read a published text that says so, else asserted.

    Example: tenantry report controls --framework pod-security
    """
    from tenantry.check.judging import load_baseline_policies
    from tenantry.cli.tables import show_problems
    from tenantry.evidence.coverage import cover_framework, find_unknown
    from tenantry.evidence.frameworks import choose_frameworks, load_frameworks

    known = load_frameworks()
    chosen = choose_frameworks(known, framework or ())
    policies = [one.policy for one in load_baseline_policies(policy).policies]
    found = [cover_framework(one, policies) for one in chosen]
    if form is Format.JSON:
        _write_json(found)
    else:
        _write_tables(found)
    show_problems(find_unknown(known, policies))


def _write_tables(found: Iterable["Coverage"]) -> None:
    from tenantry.cli.tables import new_table, show
    from tenantry.evidence.frameworks import State

    for coverage in found:
        framework = coverage.framework
        typer.echo(f"{framework.name}: {framework.title}, {framework.publisher}")
        table = new_table("control", "title", "stands", "verified", "asserted")
        for one in coverage.answers:
            table.add_row(one.control.number, one.control.title, one.status, *(_named(one, state) for state in State))
        show(table)
        typer.echo(f"{_sum(coverage)}.\n")
    typer.echo(
        "Verified: somebody has read in a published text what the policy tests. "
        "Asserted: nobody has, or the two differ; --format json says how."
    )


def _named(answer: "Answer", state: "State") -> str:
    return " ".join(f"{one.layer}/{one.policy}" for one in answer.evidence if one.state is state)


def _sum(coverage: "Coverage") -> str:
    from tenantry.evidence.coverage import Status

    return (
        f"{coverage.count(Status.COVERED)} of {len(coverage.answers)} covered ({coverage.verified} verified), "
        f"{coverage.count(Status.MANUAL)} manual, {coverage.count(Status.OUTSIDE)} outside, "
        f"{coverage.count(Status.UNCOVERED)} uncovered"
    )


def _write_json(found: Iterable["Coverage"]) -> None:
    import orjson

    typer.echo(orjson.dumps({"frameworks": [_plain(one) for one in found]}, option=orjson.OPT_INDENT_2))


def _plain(coverage: "Coverage") -> dict[str, Any]:
    from tenantry.evidence.coverage import Status

    framework = coverage.framework
    return {
        "name": framework.name,
        "title": framework.title,
        "publisher": framework.publisher,
        "scope": framework.scope,
        "summary": {
            "controls": len(coverage.answers),
            "verified": coverage.verified,
            **{status.value: coverage.count(status) for status in Status},
        },
        "controls": [
            {
                "number": one.control.number,
                "title": one.control.title,
                "status": one.status,
                "judged": one.control.judged,
                "why": one.control.why,
                "policies": list(one.evidence),
            }
            for one in coverage.answers
        ],
    }
