"""How a site knows pipelines: by the tokens of their own CI system, bound to repository, branch and environment.

Sources: Kubernetes AuthenticationConfiguration, apiserver.config.k8s.io; the claims of GitHub's and of GitLab's tokens
are those of their pages "OpenID Connect reference" and "ID token authentication".
"""

from typing import Any, NamedTuple

from tenantry.contract.model import CiSystem, ContinuousIntegration, Pipelines, Site
from tenantry.render.manifest import Manifest

_FIRST_STABLE_MINOR = 34
_HEADS = "refs/heads/"


class _Claims(NamedTuple):
    """Expressions in CEL of a token's repository and branch, and of what says that the branch is one, not a tag."""

    repository: str
    branch: str
    is_branch: str


_CLAIMS = {
    CiSystem.GITHUB: _Claims(
        "claims.repository", f"claims.ref.substring({len(_HEADS)})", f"claims.ref.startsWith('{_HEADS}')"
    ),
    CiSystem.GITLAB: _Claims("claims.project_path", "claims.ref", "claims.ref_type == 'branch'"),
}


def pipeline_user(ci: ContinuousIntegration) -> str:
    """Give the user name that a site's API server makes of a pipeline's token.

    A name is another one where anything that binds the pipeline is: neither a repository's name nor a branch's has a
    colon, and what follows a third is the environment's name.
    """
    bound = [ci.repository, ci.branch, *([ci.environment] if ci.environment else [])]
    return ":".join([_prefix(ci.issuer), *bound])


def pipeline_subject(ci: ContinuousIntegration, site: Site) -> str:
    """Give the `sub` of a pipeline's tokens, by which an object store knows it."""
    (form,) = (one.subject_form for one in site.spec.pipelines if one.issuer == ci.issuer)
    return form.format(repository=ci.repository, branch=ci.branch, environment=ci.environment or "")


def _prefix(issuer: str) -> str:
    return f"ci:{issuer.removeprefix('https://').rstrip('/')}"


def render_authentication(site: Site) -> Manifest:
    """Make what a site's API server reads with `--authentication-config`: how it knows pipelines, and nobody else.

    The file holds no secret. Client certificates, and the tokens of the site's own service accounts, are none of its.
    """
    stable = int(site.spec.kubernetes_minor.partition(".")[2]) >= _FIRST_STABLE_MINOR
    return {
        "apiVersion": f"apiserver.config.k8s.io/{'v1' if stable else 'v1beta1'}",
        "kind": "AuthenticationConfiguration",
        "jwt": [_authenticator(one) for one in site.spec.pipelines],
    }


def _authenticator(pipelines: Pipelines) -> dict[str, Any]:
    claims = _CLAIMS[pipelines.system]
    bound = f"{claims.repository} + ':' + {claims.branch}"
    environment = "(has(claims.environment) && claims.environment != '' ? ':' + claims.environment : '')"
    issuer: dict[str, Any] = {"url": pipelines.issuer, "audiences": [pipelines.audience]}
    if pipelines.certificate_authority is not None:
        issuer["certificateAuthority"] = pipelines.certificate_authority
    rules = {
        claims.is_branch: "the token is none of a branch's pipeline",
        f"!({claims.repository} + {claims.branch}).contains(':')": "a repository or a branch has a colon in its name",
    }
    return {
        "issuer": issuer,
        "claimValidationRules": [{"expression": text, "message": message} for text, message in rules.items()],
        "claimMappings": {
            "username": {"expression": f"'{_prefix(pipelines.issuer)}:' + {bound} + {environment}"},
            # So that the audit log says which run it was.
            "extra": [{"key": "tenantry.dev/subject", "valueExpression": "claims.sub"}],
        },
    }
