"""Hypothesis strategies: valid requests, as plain data and as completed tenants, as widely as the contract allows.

A test imports it as `from strategies import requests, tenants` (pyproject.toml puts `tests` on the path).
"""

from datetime import date, timedelta
from functools import cache
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from examples import minimal
from tenantry.contract.documents import Documents
from tenantry.contract.load import complete, load_baseline
from tenantry.contract.model import Baseline, Classification, Department, Site, Tenant
from tenantry.contract.reading.document import Document, Mark
from tenantry.contract.reading.schema import load_schema
from tenantry.contract.structure import structure

REGIONS = ("north", "south")
_QUOTA = {"cpu": "1000000", "memory": "1000Pi", "storage": "1000Pi", "pods": 100000}


def ids() -> SearchStrategy[str]:
    """Give tenants' ids."""
    return st.from_regex(r"t-[a-z0-9]{8}", fullmatch=True)


def requests() -> SearchStrategy[dict[str, Any]]:
    """Give valid requests: they pass the schema and every rule, in the world of `departments()` and `sites()`."""
    return _requests()


def tenants() -> SearchStrategy[Tenant]:
    """Give completed tenants, each placed on one of `sites()`."""
    return requests().map(completed)


def completed(raw: dict[str, Any]) -> Tenant:
    """Complete one request in the world of `departments()` and `sites()`, among the peers that its intents name."""
    me = raw["spec"]["id"]
    named = {intent.get("tenant") for intent in raw["spec"].get("intents", ())} - {None}
    around = [minimal(name=f"peer-{peer[2:]}", id=peer, department="department-south") for peer in sorted(named)]
    raws = [raw, *around]
    documents = Documents(requests=tuple(document(raw) for raw in raws), sites=sites(), departments=departments())
    return next(tenant for tenant in complete(documents, baseline()) if tenant.id == me)


def document(raw: dict[str, Any]) -> Document:
    """Make a document of plain data, as if it had been read from nowhere."""
    return Document(file="generated", data=raw, start=Mark(1, 1), marks={})


@cache
def baseline() -> Baseline:
    """Give the baseline that ships."""
    return load_baseline()


@cache
def departments() -> dict[str, Department]:
    """Give a department for each region; none is short of quota."""
    example = load_schema("Department")["examples"][0]
    return {
        f"department-{region}": structure(
            {
                "metadata": {"name": f"department-{region}", "labels": {}},
                "spec": {**example["spec"], "region": region, "ceiling": _QUOTA},
            },
            Department,
        )
        for region in REGIONS
    }


@cache
def sites() -> dict[str, Site]:
    """Give a site on premises for each region, which can do all that a site can."""
    schema = load_schema("Site")
    example = schema["examples"][0]
    items = schema["properties"]["spec"]["properties"]["capabilities"]["items"]
    everything = [choice["const"] for choice in items["oneOf"]]
    able = {"capabilities": everything, "capacity": _QUOTA, "issuer": "https://oidc.gov.example"}
    return {
        f"site-{region}": structure(
            {
                "metadata": {"name": f"site-{region}", "labels": {}},
                "spec": {**example["spec"], "region": region, **able},
            },
            Site,
        )
        for region in REGIONS
    }


def _names(longest: int, first: str = "a-z") -> SearchStrategy[str]:
    return st.from_regex(rf"[{first}]([-a-z0-9]{{0,{longest - 2}}}[a-z0-9])?", fullmatch=True)


def _text(longest: int = 300) -> SearchStrategy[str]:
    letters = st.characters(min_codepoint=0x20, exclude_characters="\x7f", exclude_categories=["Cs"])
    return st.text(letters, min_size=3, max_size=longest)


def _hosts() -> SearchStrategy[str]:
    label = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
    return st.builds(
        lambda labels, wild: ("*." if wild else "") + ".".join([*labels, "example"]),
        st.lists(label, min_size=1, max_size=4),
        st.booleans(),
    )


def _quantities() -> SearchStrategy[str]:
    suffixes = st.sampled_from(["Ki", "Mi", "Gi", "k", "M", "G", ""])
    return st.builds(lambda amount, suffix: f"{amount}{suffix}", st.integers(1, 100_000), suffixes)


def _cpus() -> SearchStrategy[str | int]:
    return st.one_of(
        st.integers(1, 500),
        st.integers(1, 500).map(str),
        st.integers(1, 99_999).map(lambda amount: f"{amount}m"),
        st.decimals(0, 100, places=3).map(str),
    )


def _optional(**properties: SearchStrategy[Any]) -> SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=properties)


def _quotas() -> SearchStrategy[dict[str, Any]]:
    return _optional(cpu=_cpus(), memory=_quantities(), storage=_quantities(), pods=st.integers(0, 5000)).filter(bool)


def _limits() -> SearchStrategy[dict[str, Any]]:
    """The default request never passes the default limit, which Kubernetes refuses."""
    return st.just(
        {"defaultCpu": "2", "defaultMemory": "2Gi", "defaultRequestCpu": "10m", "defaultRequestMemory": "8Mi"}
    )


def _mails() -> SearchStrategy[str]:
    return _names(20).map(lambda name: f"{name}@gov.example")


def _contacts() -> SearchStrategy[dict[str, Any]]:
    technical = st.lists(_mails(), min_size=2, max_size=4, unique=True)
    return _optional(owner=_mails(), technical=technical, security=_mails(), finance=_mails()).filter(bool)


def _cidrs(*, intents: bool) -> SearchStrategy[str]:
    """Give blocks of addresses, IPv4 and IPv6: none lies in what the baseline denies or a site has, some are wider."""
    four = st.builds(lambda b, c: f"10.{b}.{c}.0/24", st.integers(0, 95), st.integers(0, 255))
    six = st.integers(0, 0xFFFF).map(lambda part: f"2001:db8:{part:x}::/48")
    wide = ["8.0.0.0/6", "64.0.0.0/2", "128.0.0.0/1", "169.0.0.0/8", "fc00::/6", "::/1"]
    everything = [] if intents else ["0.0.0.0/0", "::/0"]
    return st.one_of(four, six, st.just("203.0.113.7/32"), st.sampled_from([*wide, *everything]))


_connection = {"port": st.integers(1, 65535), "protocol": st.sampled_from(["TCP", "UDP"]), "reason": _text()}


@st.composite
def _connections(draw: DrawFn, *, intents: bool) -> list[dict[str, Any]]:
    connections = []
    for _ in range(draw(st.integers(0, 3))):
        peers = {
            "cidr": _cidrs(intents=intents),
            "host": _hosts().map(lambda host: host.removeprefix("*.")),
            "tenant": ids(),
        }
        peer = draw(st.sampled_from(["cidr", "host", "tenant"] if intents else ["cidr", "host"]))
        value = draw(peers[peer])
        one = {peer: value, **draw(st.fixed_dictionaries(_connection))}
        if intents:
            # A host can't be known as a source.
            one["direction"] = draw(st.sampled_from(["to"] if peer == "host" else ["to", "from"]))
        if draw(st.booleans()):
            del one["protocol"]
        connections.append(one)
    return connections


@st.composite
def _buckets(draw: DrawFn, classification: Classification) -> list[dict[str, Any]]:
    controls = baseline().controls(classification)
    buckets = []
    for name in draw(st.lists(_names(50, "a-z0-9"), max_size=4, unique=True)):
        bucket = draw(
            _optional(
                publish=st.booleans() if controls.publish else st.just(False),
                retentionDays=st.integers(max(1, controls.min_retention_days), 36500),
                versions=st.just(True),
                lock=st.just(True) if controls.lock else st.just(False),
                quota=_quantities(),
            )
        )
        if "retentionDays" in bucket and draw(st.booleans()):
            bucket["lock"] = True
        buckets.append({"name": name, **bucket})
    return buckets


@st.composite
def _accounts(draw: DrawFn, namespaces: list[str], buckets: list[str]) -> list[dict[str, Any]]:
    grant: dict[str, SearchStrategy[Any]] = {
        "bucket": st.sampled_from(buckets or [""]),
        "access": st.sampled_from(["read", "write", "readWrite"]),
    }
    prefix = {"prefix": st.from_regex(r"[A-Za-z0-9!_.()/=-]{0,30}", fullmatch=True)}
    grants = st.lists(st.fixed_dictionaries(grant, optional=prefix), max_size=3) if buckets else st.just([])
    account = st.fixed_dictionaries(
        {"name": st.one_of(_names(20), st.just("default")), "namespace": st.sampled_from(namespaces)},
        optional={"apiToken": st.booleans(), "buckets": grants},
    )
    return draw(st.lists(account, max_size=4, unique_by=lambda one: (one["namespace"], one["name"])))


@st.composite
def _leases(draw: DrawFn) -> dict[str, Any]:
    starts = draw(st.dates(date(2026, 1, 1), date(2030, 1, 1)))
    ends = starts + timedelta(days=draw(st.integers(1, 2000)))
    lease = {"starts": starts.isoformat(), "ends": ends.isoformat(), "reason": draw(_text())}
    return {**lease, **draw(_optional(graceDays=st.integers(0, 365)))}


def _cis() -> SearchStrategy[dict[str, Any]]:
    path = st.from_regex(r"[A-Za-z0-9_][-A-Za-z0-9_./]{0,40}", fullmatch=True)
    return st.fixed_dictionaries(
        {"issuer": st.just("https://ci.gov.example"), "repository": path, "branch": path},
        optional={"environment": path},
    )


def _access() -> SearchStrategy[list[dict[str, Any]]]:
    group = st.from_regex(r"[A-Za-z0-9][-A-Za-z0-9_.:@/]{0,60}", fullmatch=True).filter(
        lambda name: not name.startswith("system:")
    )
    role = st.sampled_from(["admin", "developer", "auditor"])
    one = st.fixed_dictionaries({"group": group, "role": role})
    return st.lists(one, max_size=4, unique_by=lambda access: (access["group"], access["role"]))


def _approvals() -> SearchStrategy[list[dict[str, Any]]]:
    role = st.sampled_from(["owner", "legal", "security", "finance", "platform"])
    on = st.dates(date(2026, 1, 1), date(2030, 1, 1)).map(date.isoformat)
    one = st.fixed_dictionaries({"by": _mails(), "role": role, "on": on, "reference": _names(20)})
    return st.lists(one, max_size=3)


def _labels() -> SearchStrategy[dict[str, str]]:
    value = st.from_regex(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?", fullmatch=True)
    key = st.from_regex(
        r"([a-z][a-z0-9]{0,10}\.example/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", fullmatch=True
    )
    return st.dictionaries(key, value, max_size=4)


@st.composite
def _requests(draw: DrawFn) -> dict[str, Any]:
    classification = draw(st.sampled_from(list(Classification)))
    region = draw(st.sampled_from(REGIONS))
    spec: dict[str, Any] = {
        "id": draw(ids()),
        "department": f"department-{region}",
        "template": draw(st.sampled_from(["service", "sensing", "software", "content", "data"])),
        "environment": draw(st.sampled_from(["dev", "test", "prod", "tools"])),
        "classification": str(classification),
    }
    namespace = st.fixed_dictionaries({"name": _names(32)}, optional={"share": st.integers(1, 1000)})
    place = st.sampled_from([{"site": f"site-{region}"}, {"region": region}, {"region": region, "sector": "health"}])
    ingress: dict[str, SearchStrategy[Any]] = {"port": st.integers(1, 65535)}
    if baseline().controls(classification).route_from_outside:
        ingress["hosts"] = st.lists(_hosts(), max_size=4, unique=True)
    spec |= draw(
        _optional(
            baseline=st.just(baseline().version),
            contacts=_contacts(),
            costCentre=_names(20),
            budget=st.fixed_dictionaries({"monthly": st.integers(0, 10**9), "currency": st.just("EUR")}),
            placement=place,
            size=st.sampled_from(sorted(baseline().spec.sizes)),
            quota=_quotas(),
            limits=_limits(),
            namespaces=st.lists(namespace, min_size=1, max_size=5, unique_by=lambda one: one["name"]),
            ingress=_optional(**ingress),
            intents=_connections(intents=True),
            egress=_connections(intents=False),
            buckets=_buckets(classification),
            access=_access(),
            ci=_cis(),
            lease=_leases(),
            approvals=_approvals(),
        )
    )
    if "namespaces" in spec and draw(st.booleans()):
        names = [one["name"] for one in spec["namespaces"]]
        spec["serviceAccounts"] = draw(_accounts(names, [one["name"] for one in spec.get("buckets", ())]))
        if "buckets" not in spec:
            spec["buckets"] = []
    if "intents" in spec:
        spec["intents"] = [intent for intent in spec["intents"] if intent.get("tenant") != spec["id"]]
    metadata: dict[str, Any] = {"name": draw(_names(63, "a-z0-9")), **draw(_optional(labels=_labels()))}
    return {"apiVersion": "tenantry.dev/v1", "kind": "Tenant", "metadata": metadata, "spec": spec}
