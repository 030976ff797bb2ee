"""The document: one result of a check, and what it refers to."""

from base64 import b64encode
from datetime import UTC, datetime

from tenantry import __version__
from tenantry.check.formats.oscal.objectives import define_objectives, list_objectives, select_controls
from tenantry.check.formats.oscal.parts import Part, drop_empty
from tenantry.check.formats.oscal.seen import Made, write_time
from tenantry.check.report import Report, group_results

OSCAL = "1.2.3"
"""The version of NIST's model that is written."""
_NO_PLAN = (
    "There is no assessment plan. What was checked is what the files held, by the policies and the contract of the "
    "baseline. Who assesses by a plan refers to that one here instead."
)
_MEANING = (
    "An objective is what one policy says of one control. Satisfied says that the policy was evaluated for "
    "the subjects of its observations, and found nothing against any. It does not say that the control "
    "is satisfied. Not satisfied with the reason other says that something could not be decided, or is only recorded. "
    "An object whose namespace no document describes was judged as in the namespace of a tenant, where it is to go."
)


def write_document(report: Report) -> Part:
    """Write what is within `assessment-results`: one result, and what it refers to."""
    made = Made(report.begun, datetime.now(UTC))
    made.observe_all(group_results(report))
    objectives = list_objectives(report)
    findings = [made.conclude(one) for one in objectives]
    result = {
        "uuid": made.ids.sum_up("result"),
        "title": "tenantry check",
        "description": _MEANING,
        "start": write_time(made.begun),
        "end": write_time(made.ended),
        "local-definitions": drop_empty(
            {"inventory-items": [*made.items.values()], "assessment-assets": _define_tool(made)}
        ),
        "reviewed-controls": select_controls(objectives),
        "observations": [one for several in made.observations.values() for one in several],
        "risks": [one for several in made.risks.values() for one in several],
        "findings": findings,
    }
    return {
        "uuid": made.ids.sum_up("document"),
        "metadata": {
            "title": "What tenantry check found",
            "last-modified": write_time(made.ended),
            "version": __version__,
            "oscal-version": OSCAL,
        },
        "import-ap": {"href": f"#{made.plan}", "remarks": _NO_PLAN},
        "local-definitions": drop_empty({"objectives-and-methods": [*define_objectives(objectives)]}),
        "results": [drop_empty(result)],
        "back-matter": {"resources": [_replace_plan(made)]},
    }


def _replace_plan(made: Made) -> Part:
    """Make what a document without an assessment plan refers to: a reference has to be there, and to resolve."""
    text = {"media-type": "text/plain", "value": b64encode(_NO_PLAN.encode()).decode()}
    return {"uuid": made.plan, "title": "No assessment plan", "description": _NO_PLAN, "base64": text}


def _define_tool(made: Made) -> Part:
    """Say what made the observations."""
    component = {
        "uuid": made.tool,
        "type": "software",
        "title": "tenantry",
        "description": "Judges requests by their contract, and objects by ValidatingAdmissionPolicies.",
        "props": [{"name": "version", "value": __version__}],
        "status": {"state": "operational"},
    }
    platform = {"uuid": made.platform, "title": "tenantry check", "uses-components": [{"component-uuid": made.tool}]}
    return {"components": [component], "assessment-platforms": [platform]}
