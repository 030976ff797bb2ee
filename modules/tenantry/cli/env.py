"""`tenantry env`."""

import typer

from tenantry.cli import app


@app.command(short_help="Print variables for `pulumi` and `kubectl`.")
def env() -> None:
    """Print the shell variables with which `pulumi` and `kubectl` reach what tenantry reaches.

    Afterwards `pulumi up --stack TENANT_ID` in this project works on the same state as `tenantry apply`, and `kubectl
    --context SITE` speaks with a site.

    Example: eval "$(tenantry env)"
    """
    import shlex

    from tenantry.fleet.engine.session import engine_environment, kubeconfig_file
    from tenantry.paths import connections_dir

    if not any(connections_dir().glob("*.json")):
        typer.echo(
            "No site is connected yet, so KUBECONFIG has no context: start one (`tenantry sandbox up`).", err=True
        )
    for name, value in {**engine_environment(), "KUBECONFIG": str(kubeconfig_file())}.items():
        typer.echo(f"export {name}={shlex.quote(value)}")
