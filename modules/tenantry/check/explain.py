"""Tells what a policy is for: its reason, its controls, what mends a finding, and the cases that show both sides."""

from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

from tenantry.check.judging import load_baseline_policies
from tenantry.policy.documents.model import Policy
from tenantry.problems import InputError, problem


def explain_policy(name: str, folder: Path | None = None) -> Iterator[str]:
    """Give the lines about one policy of a folder, by default of the baseline that ships with this version.

    Raises InputError (TEN-613) where there is none of that name.
    """
    known = {one.policy.name: one.policy for one in load_baseline_policies(folder).policies}
    if name not in known:
        near = get_close_matches(name, known, n=3) or sorted(known)
        raise InputError(problem("TEN-613", f"there is no policy {name}", f"choose one of {', '.join(near)}"))
    return _lines(known[name])


def _lines(policy: Policy) -> Iterator[str]:
    yield f"{policy.name}, for {policy.layer}s: {policy.source.file}"
    if policy.reason:
        yield f"Reason: {policy.reason}"
    if policy.controls:
        yield f"Controls: {' '.join(policy.controls)}"
    if policy.fix:
        yield f"Fix: {policy.fix}."
    for variable in policy.variables:
        yield f"variables.{variable.name}: {variable.expression}"
    for validation in policy.validations:
        yield f"It denies unless: {validation.expression}"
    for side in ("allow", "deny"):
        cases = sorted((Path(policy.source.file).parent / "cases").glob(f"{side}_*.yaml"))
        if cases:
            shown = (case.stem.removeprefix(f"{side}_").replace("_", " ") for case in cases)
            yield f"Cases that it {'allows' if side == 'allow' else 'denies'}: {', '.join(shown)}"
