"""The authorizer: who may do what, from grants that are declared.

Source: k8s.io/apiserver/pkg/cel/library/authz.go, and the RBAC authorizer (plugin/pkg/auth/authorizer/rbac) for what a
rule covers. The values are maps with a tag, built up call by call as the API server builds its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tenantry.policy.cel.library.marks import UNDECIDABLE
from tenantry.policy.cel.library.text import check_label, check_subdomain

Tagged = dict[str, Any]
TAG = "@type"


@dataclass(frozen=True, slots=True)
class Grant:
    """What one subject may do: a user, or a group, on resources by namespace, or on paths.

    `namespace` None means in all namespaces and on what has none. `*` stands for all, as in RBAC.
    """

    users: Sequence[str] = ()
    groups: Sequence[str] = ()
    verbs: Sequence[str] = ()
    api_groups: Sequence[str] = ()
    resources: Sequence[str] = ()
    names: Sequence[str] = ()
    paths: Sequence[str] = ()
    namespace: str | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """Who asks."""

    username: str = ""
    groups: Sequence[str] = ()
    uid: str = ""
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)


def build_authorizer(subject: Subject) -> Tagged:
    """The value of `authorizer` for who makes the request."""
    return {TAG: "Authorizer", "user": subject.username, "groups": list(subject.groups)}


def build_resource_check(subject: Subject, group: str, resource: str, **rest: str) -> Tagged:
    """The value of `authorizer.requestResource`."""
    check = {TAG: "ResourceCheck", "group": group, "resource": resource, "authorizer": build_authorizer(subject)}
    return check | rest


def expect_tag(value: object, tag: str) -> Tagged:
    """The value, where it is of the kind; the API server says of others that there is no such overload."""
    if isinstance(value, dict) and value.get(TAG) == tag:
        return value
    raise ValueError("no such overload")


def check_path(authorizer: object, path: str) -> Tagged:
    """`authorizer.path(...)`."""
    if not path.strip():
        raise ValueError("path must not be empty")
    return {TAG: "PathCheck", "path": path, "authorizer": expect_tag(authorizer, "Authorizer")}


def check_group(authorizer: object, group: str) -> Tagged:
    """`authorizer.group(...)`."""
    return {TAG: "GroupCheck", "group": group, "authorizer": expect_tag(authorizer, "Authorizer")}


def act_as_service_account(authorizer: object, namespace: str, name: str) -> Tagged:
    """`authorizer.serviceAccount(...)`."""
    expect_tag(authorizer, "Authorizer")
    if check_subdomain(name):
        raise ValueError("Invalid service account name")
    if check_label(namespace):
        raise ValueError("Invalid service account namespace")
    groups = ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    return build_authorizer(Subject(f"system:serviceaccount:{namespace}:{name}", [*groups, "system:authenticated"]))


def check_resource(group: object, resource: str) -> Tagged:
    """`authorizer.group(...).resource(...)`."""
    checked = expect_tag(group, "GroupCheck")
    if not resource.strip():
        raise ValueError("resource must not be empty")
    return checked | {TAG: "ResourceCheck", "resource": resource}


def narrow_check(key: str, check: object, value: str) -> Tagged:
    """One more property of a resource check."""
    return expect_tag(check, "ResourceCheck") | {key: value}


def decide_check(grants: Sequence[Grant] | None, check: object, verb: str) -> Tagged:
    """`....check(verb)`.

    Raises:
        ValueError: The grants aren't declared; the message begins with UNDECIDABLE.
    """
    if not isinstance(check, dict) or check.get(TAG) not in ("PathCheck", "ResourceCheck"):
        raise ValueError("no such overload")
    if grants is None:
        raise ValueError(f"{UNDECIDABLE} what the requester may do: declare the grants that authorizer asks about")
    allowed = any(_covers(grant, check, verb) for grant in grants)
    return {TAG: "Decision", "allowed": allowed, "reason": "", "error": ""}


def _covers(grant: Grant, check: Tagged, verb: str) -> bool:
    who = check["authorizer"]
    if who["user"] not in grant.users and not set(who["groups"]) & set(grant.groups):
        return False
    if not _includes(grant.verbs, verb):
        return False
    if check[TAG] == "PathCheck":
        return any(_covers_path(path, check["path"]) for path in grant.paths)
    if grant.namespace is not None and grant.namespace != check.get("namespace", ""):
        return False
    return _covers_resource(grant, check)


def _covers_resource(grant: Grant, check: Tagged) -> bool:
    resource, subresource = check["resource"], check.get("subresource", "")
    asked = f"{resource}/{subresource}" if subresource else resource
    wanted = {asked, "*"} | ({f"*/{subresource}"} if subresource else set())
    named = not grant.names or check.get("name", "") in grant.names
    return _includes(grant.api_groups, check["group"]) and bool(wanted & set(grant.resources)) and named


def _covers_path(pattern: str, path: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else pattern == path


def _includes(words: Sequence[str], word: str) -> bool:
    return "*" in words or word in words
