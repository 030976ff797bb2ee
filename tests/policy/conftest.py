"""What the policy tests share."""

import pytest
from apiserver import ApiServer, bind, make

from sites import Sandbox


@pytest.fixture(scope="session")
def server(sandbox: Sandbox) -> ApiServer:
    """A real API server."""
    reached = ApiServer(sandbox.connection("onprem"))
    keep_params(reached)
    return reached


def keep_params(server: ApiServer) -> None:
    """Leave a policy with ConfigMaps as parameters in place, for nothing.

    When the last policy with a kind of parameters goes, an API server stops watching them, and never starts again:
    it would find no new ones by a selector (ensureParamsForPolicyLocked in plugin/policy/generic/policy_source.go).
    """
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    nothing = {"resourceRules": [rule | {"resourceNames": ["tenantry-tests-nothing"]}]}
    spec = {
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "matchConstraints": nothing,
        "validations": [{"expression": "true"}],
    }
    reference = {"selector": {}, "parameterNotFoundAction": "Allow"}
    binding = bind("tenantry-tests-keep-params", paramRef=reference)
    for document in (
        make("ValidatingAdmissionPolicy", "tenantry-tests-keep-params", spec),
        make("ValidatingAdmissionPolicyBinding", "tenantry-tests-keep-params", binding),
    ):
        answer = server.create(document)
        assert answer.status in (201, 409), answer.message
