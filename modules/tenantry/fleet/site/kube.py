"""A small client of a site's Kubernetes API: bulk reads, server-side apply and delete, with bounded waits.

Pulumi makes and changes tenants; this client only reads what lives at a site, many tenants at a time, and keeps
tenantry's own records there. It speaks plain JSON over one pool of connections, since the typed clients take longer to
import than a whole `tenantry status` may last (docs/adr/0013).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import urllib3

from tenantry.connection import Connection
from tenantry.fleet.site.kubeconfig import read_context, trust_context
from tenantry.problems import Problem, UnreachableError, problem
from tenantry.render.network.names import CILIUM_API, CILIUM_KIND
from tenantry.render.store.injection import MUTATING_BINDING_KIND, MUTATING_KIND

FIELD_MANAGER = "tenantry"
CONNECT_SECONDS = 5.0
READ_SECONDS = 20.0
LONGEST_PAUSE_SECONDS = 5
"""How long a server that is busy may ask us to wait before each of a few further tries."""
PAGE = 2000
"""Objects a page of a list; the API server then never holds more than this in one answer."""

# Where each kind that tenants are made of lives, and whether it lies in a namespace.
RESOURCES: Mapping[tuple[str, str], tuple[str, bool]] = {
    ("v1", "Namespace"): ("/api/v1/namespaces", False),
    ("v1", "ConfigMap"): ("/api/v1/configmaps", True),
    ("v1", "LimitRange"): ("/api/v1/limitranges", True),
    ("v1", "ResourceQuota"): ("/api/v1/resourcequotas", True),
    ("v1", "Secret"): ("/api/v1/secrets", True),
    ("v1", "ServiceAccount"): ("/api/v1/serviceaccounts", True),
    ("networking.k8s.io/v1", "NetworkPolicy"): ("/apis/networking.k8s.io/v1/networkpolicies", True),
    (CILIUM_API, CILIUM_KIND): (f"/apis/{CILIUM_API}/ciliumnetworkpolicies", True),
    ("rbac.authorization.k8s.io/v1", "Role"): ("/apis/rbac.authorization.k8s.io/v1/roles", True),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): ("/apis/rbac.authorization.k8s.io/v1/rolebindings", True),
}

POLICY_API = "admissionregistration.k8s.io/v1"
_PLACES: Mapping[tuple[str, str], tuple[str, bool]] = {
    **RESOURCES,
    ("v1", "Event"): ("/api/v1/events", True),
    ("v1", "PersistentVolumeClaim"): ("/api/v1/persistentvolumeclaims", True),
    (POLICY_API, "ValidatingAdmissionPolicy"): (f"/apis/{POLICY_API}/validatingadmissionpolicies", False),
    (POLICY_API, "ValidatingAdmissionPolicyBinding"): (f"/apis/{POLICY_API}/validatingadmissionpolicybindings", False),
    (POLICY_API, MUTATING_KIND): (f"/apis/{POLICY_API}/mutatingadmissionpolicies", False),
    (POLICY_API, MUTATING_BINDING_KIND): (f"/apis/{POLICY_API}/mutatingadmissionpolicybindings", False),
}
_JSON = "application/json"
_METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@dataclass(frozen=True, slots=True)
class ServedKind:
    """A kind whose objects a site's API server lists: its group's preferred version, and where its objects are."""

    group: str
    version: str
    kind: str
    plural: str

    @property
    def api_version(self) -> str:
        """`group/version`, or the version alone in the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def path(self) -> str:
        """The path under which all objects of the kind are listed."""
        root = f"/apis/{self.api_version}" if self.group else f"/api/{self.version}"
        return f"{root}/{self.plural}"


class KubeClient:
    """One site's API server, reached with the connection's kubeconfig. Safe to share between threads."""

    def __init__(self, connection: Connection) -> None:
        self.site = connection.site
        context = read_context(connection)
        self._server = context.cluster["server"]
        self._headers = {"Authorization": f"Bearer {context.user['token']}"} if "token" in context.user else {}
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS)
        # 429 says that nothing was done yet, and when to come back: a server that is busy, or begins to serve a kind.
        retries = urllib3.Retry(
            total=6,
            connect=2,
            read=0,
            status=4,
            status_forcelist={429},
            allowed_methods=None,
            backoff_factor=0.2,
            retry_after_max=LONGEST_PAUSE_SECONDS,
            raise_on_status=False,
        )
        self._pool = urllib3.PoolManager(
            maxsize=8, timeout=timeout, retries=retries, ssl_context=trust_context(context)
        )

    def list_all(self, api_version: str, kind: str, selector: str) -> list[dict[str, Any]]:
        """Give all objects of a kind, in every namespace, that a label selector picks.

        Of a network plugin's kind there are none where the site has another plugin.
        """
        path, _ = _PLACES[api_version, kind]
        return self._list(path, api_version, kind, selector, missing_ok=api_version == CILIUM_API)

    def list_names(self, api_version: str, kind: str, selector: str) -> list[dict[str, Any]]:
        """Give the metadata alone of all objects of a kind that a label selector picks."""
        path, _ = _PLACES[api_version, kind]
        return self._list(path, api_version, kind, selector, accept=_METADATA)

    def list_kind(self, kind: ServedKind) -> list[dict[str, Any]]:
        """Give all objects of a kind, in every namespace."""
        return self._list(kind.path, kind.api_version, kind.kind)

    def list_in(self, api_version: str, kind: str, namespace: str) -> list[dict[str, Any]]:
        """Give all objects of a kind in a namespace; where that isn't there, there are none."""
        return self._list(_path_in(api_version, kind, namespace), api_version, kind, missing_ok=True)

    def read_minor(self) -> int:
        """Give the minor version of Kubernetes 1.x that the API server is."""
        return int(self._request("GET", "/version", "its version")["minor"].rstrip("+"))

    def read_day(self) -> date:
        """Give the day, in UTC, by the clock of the API server."""
        answer = self._ask("GET", "/version", "its clock")
        return parsedate_to_datetime(answer.headers["Date"]).date()

    def ask_who_we_are(self) -> dict[str, Any]:
        """Give the user name and the groups by which the API server knows us."""
        version = "authentication.k8s.io/v1"
        review = orjson.dumps({"apiVersion": version, "kind": "SelfSubjectReview"})
        said = self._request("POST", f"/apis/{version}/selfsubjectreviews", "who we are", body=review)
        return dict(said["status"]["userInfo"])

    def discover(self) -> list[ServedKind]:
        """Give every kind whose objects can be listed, each in its group's preferred version."""
        found = []
        for root in ("/api", "/apis"):
            for group in self._request("GET", root, "the kinds that it serves", accept=_DISCOVERY)["items"]:
                # The preferred version comes first.
                version = group["versions"][0]
                for one in version.get("resources", ()):
                    if "list" in one["verbs"]:
                        name, kind = group["metadata"].get("name", ""), one["responseKind"]["kind"]
                        found.append(ServedKind(name, version["version"], kind, one["resource"]))
        return found

    def _list(
        self,
        path: str,
        api_version: str,
        kind: str,
        selector: str = "",
        *,
        missing_ok: bool = False,
        accept: str = _JSON,
    ) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        following = ""
        while True:
            query = {"limit": str(PAGE)} | ({"labelSelector": selector} if selector else {})
            query |= {"continue": following} if following else {}
            place = f"{path}?{urlencode(query)}"
            answer = self._request("GET", place, f"{kind} list", missing_ok=missing_ok, accept=accept)
            if not answer:
                return found
            items = answer["items"] or ()  # of no metadata the API server makes null
            for item in items:
                item["apiVersion"], item["kind"] = api_version, kind
            found.extend(items)
            following = answer["metadata"].get("continue", "")
            if not following:
                return found

    def get(self, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
        """Give the live object that a manifest names, or nothing."""
        return self._request("GET", _object_path(manifest), _name(manifest), missing_ok=True) or None

    def apply(self, manifest: Mapping[str, Any]) -> dict[str, Any]:
        """Make or change one object by server-side apply, as the field manager tenantry; give it as it is then."""
        path = f"{_object_path(manifest)}?fieldManager={FIELD_MANAGER}&force=true"
        return self._request("PATCH", path, _name(manifest), body=orjson.dumps(manifest))

    def merge(self, manifest: Mapping[str, Any]) -> None:
        """Set some fields of one object, and leave the others as they are; one that isn't there isn't made."""
        body = orjson.dumps(manifest)
        kind = "application/merge-patch+json"
        path = f"{_object_path(manifest)}?fieldManager={FIELD_MANAGER}"
        self._request("PATCH", path, _name(manifest), body=body, missing_ok=True, content=kind)

    def replace(self, manifest: Mapping[str, Any], version: str) -> dict[str, Any]:
        """Put one object in the place of what is there at a resource version, whoever decided any part of that."""
        metadata = {**manifest["metadata"], "resourceVersion": version}
        path = f"{_object_path(manifest)}?fieldManager={FIELD_MANAGER}"
        return self._request("PUT", path, _name(manifest), body=orjson.dumps({**manifest, "metadata": metadata}))

    def delete(self, manifest: Mapping[str, Any]) -> None:
        """Delete one object; one that isn't there is deleted already."""
        self._request("DELETE", _object_path(manifest), _name(manifest), missing_ok=True)

    def delete_all(self, api_version: str, kind: str, namespace: str) -> None:
        """Delete all objects of a kind in a namespace; where that isn't there, they are deleted already."""
        path = _path_in(api_version, kind, namespace)
        self._request("DELETE", path, f"{kind} in {namespace}", missing_ok=True)

    def _request(
        self,
        method: str,
        path: str,
        what: str,
        *,
        body: bytes | None = None,
        missing_ok: bool = False,
        accept: str = _JSON,
        content: str | None = None,
    ) -> dict[str, Any]:
        """Ask the API server; give what it says, nothing where what is asked for isn't there and may be missing."""
        answer = self._ask(method, path, what, body=body, accept=accept, content=content)
        if answer.status == 404 and missing_ok:
            return {}
        if answer.status >= 400:
            raise UnreachableError(_refused(self.site, what, answer))
        return dict(orjson.loads(answer.data)) if answer.data else {}

    def _ask(
        self,
        method: str,
        path: str,
        what: str,
        *,
        body: bytes | None = None,
        accept: str = _JSON,
        content: str | None = None,
    ) -> urllib3.BaseHTTPResponse:
        headers = self._headers | {"Accept": accept, "Accept-Encoding": "gzip"}
        if body is not None:
            usual = "application/apply-patch+yaml" if method == "PATCH" else "application/json"
            headers["Content-Type"] = content or usual
        try:
            return self._pool.request(method, f"{self._server}{path}", headers=headers, body=body)
        except (urllib3.exceptions.HTTPError, OSError) as error:
            message = f"site {self.site} doesn't answer for {what}: {_cause(error)}"
            raise UnreachableError(
                problem("TEN-502", message, "see whether the site is up (`tenantry sandbox status`), then run again")
            ) from error


def _refused(site: str, what: str, answer: urllib3.BaseHTTPResponse) -> Problem:
    try:
        said = orjson.loads(answer.data).get("message", "")
    except (orjson.JSONDecodeError, AttributeError):
        said = answer.data[:200].decode(errors="replace")
    return problem(
        "TEN-503", f"site {site} refuses {what}: {answer.status} {said}".rstrip(". "), "mend the cause named"
    )


def _cause(error: BaseException) -> str:
    reason = getattr(error, "reason", None)
    return str(reason if reason is not None else error)


def _name(manifest: Mapping[str, Any]) -> str:
    metadata = manifest["metadata"]
    return f"{manifest['kind']} {metadata.get('namespace', '')}/{metadata['name']}".replace(" /", " ")


def _object_path(manifest: Mapping[str, Any]) -> str:
    path, namespaced = _PLACES[manifest["apiVersion"], manifest["kind"]]
    metadata = manifest["metadata"]
    if namespaced:
        path = _path_in(manifest["apiVersion"], manifest["kind"], metadata["namespace"])
    return f"{path}/{quote(metadata['name'])}"


def _path_in(api_version: str, kind: str, namespace: str) -> str:
    root, _, plural = _PLACES[api_version, kind][0].rpartition("/")
    return f"{root}/namespaces/{quote(namespace)}/{plural}"
