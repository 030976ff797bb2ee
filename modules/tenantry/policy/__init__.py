"""Judging objects by ValidatingAdmissionPolicies, offline and as a Kubernetes API server would.

`load_policies` reads and checks policies with their bindings; `judge` gives a `Judgement` for each object.
"""

from tenantry.policy.admission.verdict import Finding, Judgement, ObjectName, Verdict
from tenantry.policy.cel.library.authorization import Grant, Subject
from tenantry.policy.cel.library.marks import mark_unknown
from tenantry.policy.documents.model import Placed, Source
from tenantry.policy.policies import NEWEST_KUBERNETES, PolicySet, build_policies, judge, load_policies
from tenantry.policy.reading.manifests import read_paths, read_text

__all__ = [
    "NEWEST_KUBERNETES",
    "Finding",
    "Grant",
    "Judgement",
    "ObjectName",
    "Placed",
    "PolicySet",
    "Source",
    "Subject",
    "Verdict",
    "build_policies",
    "judge",
    "load_policies",
    "mark_unknown",
    "read_paths",
    "read_text",
]
