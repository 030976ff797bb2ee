"""A report as assessment results in NIST's Open Security Controls Assessment Language (OSCAL), as JSON.

What each part is for is said by NIST's metaschema of OSCAL 1.2.3, "Security Assessment Results": what was looked at is
an inventory item; what a policy said of it, or that it found nothing to say, is an observation; a finding sums up the
observations of one objective. An objective is one policy's part of one control, so that "satisfied" is said of what
was judged and no more: that a whole control is satisfied is nothing that files can show.
"""

from collections.abc import Iterator

import orjson

from tenantry.check.report import Report


def as_oscal(report: Report) -> Iterator[str]:
    """Give the report as one document of assessment results."""
    # Imported here: who asks for another format doesn't wait for it.
    from tenantry.check.formats.oscal.document import write_document

    yield orjson.dumps({"assessment-results": write_document(report)}, option=orjson.OPT_INDENT_2).decode()
