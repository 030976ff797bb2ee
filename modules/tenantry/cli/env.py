"""`tenantry env`."""

import typer

from tenantry.cli import app


@app.command(short_help="Print variables for `pulumi` and `kubectl`.")
def env() -> None:
    """Print the shell variables with which `pulumi` and `kubectl` reach what tenantry reaches.

    Afterwards `pulumi up --stack TENANT_ID` in this project works on the same state as `tenantry apply`, and `kubectl
    --context SITE` speaks with a site. `pulumi preview --policy-pack "$TENANTRY_POLICY_PACK"` judges any stack by the
    baseline.

    Example: eval "$(tenantry env)"
    """
    import shlex

    from tenantry.data import policy_dir
    from tenantry.fleet.engine.session import engine_environment, kubeconfig_file
    from tenantry.paths import connections_dir

    if not any(connections_dir().glob("*.json")):
        typer.echo(
            "No site is connected yet, so KUBECONFIG has no context: start one (`tenantry sandbox up`).", err=True
        )
    more = {"KUBECONFIG": str(kubeconfig_file()), "TENANTRY_POLICY_PACK": str(policy_dir())}
    for name, value in {**engine_environment(), **more}.items():
        typer.echo(f"export {name}={shlex.quote(value)}")
