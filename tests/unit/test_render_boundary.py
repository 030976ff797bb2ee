"""The boundary of any tenant: what its network policies open, what its roles and service accounts may do."""

from dataclasses import replace
from ipaddress import ip_network

from hypothesis import given

from boundary import openings, too_open, within
from examples import minimal
from rendering import rendered, site_of, thorough
from strategies import baseline, completed, tenants
from tenantry.contract.model import PodSelector, Tenant


@thorough
@given(tenants())
def test_no_policy_opens_more_than_was_declared(tenant: Tenant) -> None:
    site = site_of(tenant)
    for policy in rendered(tenant).kubernetes:
        if policy["kind"] == "NetworkPolicy":
            assert policy["metadata"]["annotations"]["tenantry.dev/reason"]
            assert list(too_open(policy, tenant, site)) == []


@thorough
@given(tenants())
def test_every_namespace_denies_by_default_and_opens_each_intent_by_itself(tenant: Tenant) -> None:
    for namespace in rendered(tenant).namespaces:
        policies = [
            document
            for document in rendered(tenant).kubernetes
            if document["kind"] in ("NetworkPolicy", "CiliumNetworkPolicy")
            and document["metadata"]["namespace"] == namespace
        ]
        closed = [each["spec"] for each in policies if each["metadata"]["name"] == "tenantry-default-deny"]
        assert closed == [{"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}]
        reasons = {
            each["metadata"]["name"]: each["metadata"]["annotations"]["tenantry.dev/reason"]
            for each in policies
            if each["metadata"]["name"].startswith(("tenantry-intent-", "tenantry-egress-"))
        }
        declared = [*tenant.spec.intents, *tenant.spec.egress]
        assert len(reasons) == len({replace(each, reason="") for each in declared})
        assert all(any(each.reason in reason for reason in reasons.values()) for each in declared)


@thorough
@given(tenants())
def test_a_wide_block_leaves_closed_what_the_baseline_denies_and_the_cluster_is(tenant: Tenant) -> None:
    closed = (*baseline().spec.denied_egress, *site_of(tenant).spec.network.cluster_cidrs)
    for policy in rendered(tenant).kubernetes:
        for _, peer, _ in openings(policy) if policy["kind"] == "NetworkPolicy" else ():
            block = peer.get("ipBlock", {"cidr": "192.0.2.1/32"})
            for each in closed:
                if within(each, block["cidr"]) and ip_network(each) != ip_network(block["cidr"]):
                    assert any(within(each, left_out) for left_out in block["except"]), (each, block)


@thorough
@given(tenants())
def test_hosts_are_reached_by_name_and_no_others(tenant: Tenant) -> None:
    """By Cilium's policies, which are taken apart here: all that they open, and what the DNS is asked through."""
    declared = {
        (each.host, each.port, each.protocol) for each in (*tenant.spec.egress, *tenant.spec.intents) if each.host
    }
    named = [each for each in rendered(tenant).kubernetes if each["kind"] == "CiliumNetworkPolicy"]
    network = site_of(tenant).spec.network
    opened: dict[str, set[tuple[str, int, str]]] = {
        f"{tenant.id}-{each.name}": set() for each in tenant.spec.namespaces
    }
    for policy in named:
        assert policy["spec"].keys() == {"endpointSelector", "egress"}
        assert policy["spec"]["endpointSelector"] == {}
        for rule in policy["spec"]["egress"]:
            (ports,) = rule["toPorts"]
            (port,) = ports["ports"]
            if "toFQDNs" in rule:
                (host,) = rule["toFQDNs"]
                opened[policy["metadata"]["namespace"]].add((host["matchName"], int(port["port"]), port["protocol"]))
            elif ports.get("rules"):
                assert rule["toEndpoints"] == [to_namespace(network.dns)]
                assert (port["port"], ports["rules"]) == (str(network.dns.port), {"dns": [{"matchPattern": "*"}]})
            else:
                assert rule["toEndpoints"] == [to_namespace(network.ingress)]
                assert (port["port"], port["protocol"]) == (str(network.ingress.port), "TCP")
                assert {*ports["serverNames"]} <= {intent.host for intent in tenant.spec.intents}
    assert all(each == declared for each in opened.values())
    plain = {each["metadata"]["name"] for each in rendered(tenant).kubernetes if each["kind"] == "NetworkPolicy"}
    # A policy that lets any question to the DNS through would keep Cilium from seeing the answers.
    assert ("tenantry-dns" in plain) == (not declared)


def to_namespace(service: PodSelector) -> dict[str, dict[str, str]]:
    name = service.namespace_labels["kubernetes.io/metadata.name"]
    return {"matchLabels": {"k8s:io.kubernetes.pod.namespace": name}}


def test_a_host_is_reached_through_the_gateway_under_its_name_alone() -> None:
    intent = {"direction": "to", "host": "register.gov.example", "port": 443, "reason": "Looks persons up."}
    (policy,) = (
        each
        for each in rendered(completed(minimal(intents=[intent]))).kubernetes
        if each["kind"] == "CiliumNetworkPolicy" and each["metadata"]["name"] != "tenantry-dns"
    )
    assert policy["metadata"]["annotations"]["tenantry.dev/reason"] == "Looks persons up."
    outside, gateway = policy["spec"]["egress"]
    assert outside["toFQDNs"] == [{"matchName": "register.gov.example"}]
    assert gateway["toPorts"][0]["serverNames"] == ["register.gov.example"]


def test_a_connection_that_is_declared_twice_is_one_policy_with_both_reasons() -> None:
    link = {"direction": "to", "cidr": "10.20.0.0/24", "port": 5432}
    intents = [{**link, "reason": "Asks."}, {**link, "reason": "Asks again."}, {**link, "reason": "Asks."}]
    objects = rendered(completed(minimal(intents=intents))).kubernetes
    notes = [each["metadata"]["annotations"] for each in objects if "-intent-" in each["metadata"]["name"]]
    assert [each["tenantry.dev/reason"] for each in notes] == ["Asks.; Asks again."]


FORBIDDEN_VERBS = {"*", "escalate", "bind", "impersonate", "approve", "sign"}
FORBIDDEN_RESOURCES = {
    "*",
    "serviceaccounts/token",
    "pods/attach",
    "nodes",
    "nodes/proxy",
    "pods/proxy",
    "services/proxy",
}
BOUNDARY = {
    "resourcequotas",
    "limitranges",
    "networkpolicies",
    "roles",
    "rolebindings",
    "serviceaccounts",
    "namespaces",
}


@thorough
@given(tenants())
def test_no_role_can_escalate(tenant: Tenant) -> None:
    for document in rendered(tenant).kubernetes:
        assert document["kind"] not in {"ClusterRole", "ClusterRoleBinding"}
        for rule in document.get("rules", ()):
            verbs, resources = set(rule["verbs"]), set(rule["resources"])
            assert not verbs & FORBIDDEN_VERBS
            assert not resources & FORBIDDEN_RESOURCES
            assert "*" not in rule["apiGroups"]
            assert not resources & BOUNDARY or verbs <= {"get", "list", "watch"}
        if document["kind"] == "RoleBinding":
            assert document["roleRef"]["kind"] == "Role"
            assert all(subject["kind"] != "ServiceAccount" for subject in document["subjects"])
            assert not any(subject["name"].startswith("system:") for subject in document["subjects"])


@thorough
@given(tenants())
def test_tokens_are_off_unless_asked_for(tenant: Tenant) -> None:
    asked = {(f"{tenant.id}-{each.namespace}", each.name) for each in tenant.spec.service_accounts if each.api_token}
    accounts = [document for document in rendered(tenant).kubernetes if document["kind"] == "ServiceAccount"]
    with_token = {
        (each["metadata"]["namespace"], each["metadata"]["name"])
        for each in accounts
        if each["automountServiceAccountToken"] is not False
    }
    default = {each["metadata"]["namespace"] for each in accounts if each["metadata"]["name"] == "default"}
    # A request may name the default account itself; whether it then gets a token is what it says.
    assert with_token == asked
    assert default == set(rendered(tenant).namespaces)


def test_a_request_may_name_the_default_account_which_stays_one_object() -> None:
    accounts = [{"name": "default", "namespace": "main", "apiToken": True}]
    request = minimal(namespaces=[{"name": "main"}, {"name": "jobs"}], serviceAccounts=accounts)
    tokens = [
        (each["metadata"]["namespace"], each["automountServiceAccountToken"])
        for each in rendered(completed(request)).kubernetes
        if each["kind"] == "ServiceAccount"
    ]
    assert tokens == [("t-4f9x2k7q-main", True), ("t-4f9x2k7q-jobs", False)]
