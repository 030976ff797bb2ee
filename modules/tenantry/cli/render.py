"""`tenantry render`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tenantry.cli import app
from tenantry.cli.options import Context, Format, OutputFormat, Tenants


class Layer(StrEnum):
    """Which of a tenant's objects are printed."""

    WORKLOAD = "workload"
    BUCKET = "bucket"
    ALL = "all"


@app.command(short_help="Print the objects that would be applied.")
def render(
    tenants: Tenants,
    context: Context = None,
    output: Annotated[Path | None, typer.Option(help="A folder to write one file a tenant to.")] = None,
    layer: Annotated[Layer, typer.Option(help="Kubernetes objects, the object store's documents, or all.")] = (
        Layer.WORKLOAD
    ),
    form: OutputFormat = Format.TEXT,
) -> None:
    """Print exactly the objects that would be applied, as YAML: Kubernetes', or with --layer the object store's too.

    What is printed can be piped to `kubectl apply --server-side --dry-run=server -f -`. That refuses objects whose
    namespace isn't there: for a tenant that was never applied, apply the Namespace objects first.

    Example: tenantry render stacks/example/tenants/laa-portal.yaml --layer all
    """
    from tenantry.files import write_atomic
    from tenantry.fleet.selection import select
    from tenantry.render import to_yaml

    for one in select(tenants, context, alone=True).planned:
        documents = {
            Layer.WORKLOAD: one.rendered.kubernetes,
            Layer.BUCKET: one.rendered.object_store,
            Layer.ALL: one.rendered.documents,
        }[layer]
        if form is Format.JSON:
            import orjson

            text = "".join(orjson.dumps(document).decode() + "\n" for document in documents)
        else:
            text = to_yaml(documents)
        if output is None:
            typer.echo(text, nl=False)
        else:
            write_atomic(output / f"{one.tenant.id}.yaml", text.encode(), mode=0o644)
