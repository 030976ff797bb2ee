"""Rules of the catalogue: one site has it, in a bucket of its own, and a department that is known answers for it."""

from collections.abc import Iterator

from tenantry.contract.documents import Documents
from tenantry.contract.model import BucketRequest
from tenantry.contract.reading.document import Document
from tenantry.contract.rules.scope import Completed
from tenantry.contract.rules.waivers import tell_nobody
from tenantry.problems import Problem


def judge_catalogue(documents: Documents) -> Iterator[Problem]:
    """Hold the sites to what they say of the catalogue; without any department its publisher can't be judged."""
    departments = {*documents.departments, *documents.broken_ones("Department")}
    first = ""
    for name, site in sorted(documents.sites.items()):
        catalogue = site.spec.catalogue
        if catalogue is None:
            continue
        if first:
            what = f"site {name} has the catalogue, and so has site {first}"
            yield _source(documents, name).problem("TEN-530", what, "keep it at one of them", ("spec", "catalogue"))
        first = first or name
        if catalogue.bucket == site.spec.access_log_bucket:
            what = f"everybody may read the catalogue's bucket {catalogue.bucket}, and it holds the access logs"
            at = ("spec", "catalogue", "bucket")
            yield _source(documents, name).problem("TEN-531", what, "name another bucket", at)
        if departments and catalogue.publisher not in departments:
            yield tell_nobody(_source(documents, name), "department", catalogue.publisher, "catalogue", "publisher")


def _source(documents: Documents, site: str) -> Document:
    return documents.sources["Site", site]


def judge_entry(completed: Completed, index: int, bucket: BucketRequest) -> Iterator[Problem]:
    """Hold what a request says of a bucket for the catalogue to what readers can have of it."""
    files = bucket.catalogue.files if bucket.catalogue is not None else ()
    at = ("buckets", index, "catalogue", "files")
    if files and not bucket.publish:
        what = f"bucket {bucket.name} names files for everybody to download, and isn't published"
        yield completed.problem("TEN-532", what, "remove files, or write publish: true", *at)
    seen: set[str] = set()
    for number, file in enumerate(files):
        if file.key in seen:
            what = f"bucket {bucket.name} names the file {file.key} twice"
            yield completed.problem("TEN-533", what, "remove one", *at, number, "key")
        seen.add(file.key)
