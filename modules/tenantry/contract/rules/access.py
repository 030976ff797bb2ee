"""The rule of the groups that a tenant lets in: its department says which there are."""

from collections.abc import Iterator
from difflib import get_close_matches

from tenantry.contract.rules.scope import Scope
from tenantry.problems import Problem


def judge_access(scope: Scope) -> Iterator[Problem]:
    """Refuse a group that a department's document doesn't name, where it names any: nobody knows who would be in it."""
    for one in scope.completed:
        department = scope.documents.departments.get(one.tenant.spec.department)
        known = department.spec.groups if department is not None else ()
        for index, access in enumerate(one.tenant.spec.access):
            if department is None or not known or access.group in known:
                continue
            what = f"the group {access.group} isn't one that {department.name} names for its tenants"
            near = get_close_matches(access.group, known, 1)
            fix = f"write {near[0]}, or" if near else "correct it, or"
            yield one.problem("TEN-176", what, f"{fix} have it added to groups of {department.name}", "access", index)
