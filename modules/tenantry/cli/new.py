"""`tenantry new`."""

import os
from pathlib import Path
from string import Template
from typing import Annotated

import typer

from tenantry.cli import app
from tenantry.problems import InputError, Problem, problem

# Without 0, 1, l and o, which are misread.
_ID_CHARACTERS = "abcdefghijkmnpqrstuvwxyz23456789"


@app.command(short_help="Write a request with comments, from a template.")
def new(
    template: Annotated[str, typer.Argument(help="service, sensing, software, content or data.", show_default=False)],
    *,
    name: Annotated[str, typer.Option(help="The tenant's name.", show_default=False)],
    department: Annotated[str, typer.Option(help="The department that owns it.", show_default=False)],
    classification: Annotated[str, typer.Option(help="open, shared, market or restricted.", show_default=False)],
    environment: Annotated[str, typer.Option(help="dev, test, prod or tools.")] = "dev",
    output: Annotated[
        Path | None, typer.Option(help="The file to write. Default: NAME.yaml.", show_default=False)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")] = False,
) -> None:
    """Write a request with comments, for you to complete and to propose.

    Example: tenantry new service --name vaccine-records --department health --classification shared
    """
    values = {
        "id": _new_id(),
        "department": department,
        "template": template,
        "environment": environment,
        "classification": classification,
    }
    _refuse_wrong(name, values)
    path = output or Path(f"{name}.yaml")
    text = _request(template, {"name": name, "schema": _schema_reference(path), **values})
    _write(path, text, force=force)
    typer.echo(f"Wrote {path}, the request of tenant {values['id']}. Next: tenantry check {path}")


def _new_id() -> str:
    import secrets

    return "t-" + "".join(secrets.choice(_ID_CHARACTERS) for _ in range(8))


def _refuse_wrong(name: str, values: dict[str, str]) -> None:
    """Hold what was typed to the schema, before any of it gets into a text."""
    from tenantry.contract.reading.document import Document, Mark
    from tenantry.contract.reading.schema import validate

    data = {"apiVersion": "tenantry.dev/v1", "kind": "Tenant", "metadata": {"name": name}, "spec": values}
    problems = validate(Document(file="", data=data, start=Mark(0, 0), marks={}))
    if problems:
        raise InputError(problems)


def _request(template: str, values: dict[str, str]) -> str:
    """Put the values into the template's own part and the part that all templates share."""
    from tenantry.data import template_dir

    parts = ((template_dir() / f"{part}.yaml").read_text(encoding="utf-8") for part in (template, "common"))
    return "\n".join(Template(part).substitute(values) for part in parts)


def _schema_reference(path: Path) -> str:
    """Say where editors find the schema: relative to one that lies above the file, so that it holds for everybody."""
    from tenantry.contract.reading.finding import is_there
    from tenantry.data import schema_dir

    folder = Path(os.path.realpath(path)).parent
    for above in (folder, *folder.parents):
        for near in ("schema", "stacks/schema"):
            schema = above / near / "tenant.json"
            if is_there(schema):
                return Path(os.path.relpath(schema, folder)).as_posix()
    return (schema_dir() / "tenant.json").as_posix()


def _write(path: Path, text: str, *, force: bool) -> None:
    from tenantry.files import write_atomic

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            with path.open("x", encoding="utf-8") as out:
                out.write(text)
        elif not path.is_file():
            raise InputError(_unwritable(path, "what is there isn't a regular file"))
        elif force:
            write_atomic(path, text.encode(), mode=0o644)
        else:
            fix = "choose another --output, or replace it with --force"
            raise InputError(problem("TEN-151", "the file is already there", fix, file=str(path)))
    except OSError as error:
        raise InputError(_unwritable(path, error.strerror or str(error))) from None


def _unwritable(path: Path, why: str) -> Problem:
    return problem("TEN-150", f"the file can't be written: {why}", "choose another --output", file=str(path))
