"""What a host asks of the object store on it: S3 and IAM over TLS, signed by curl, which reads keys from its input."""

import hashlib
import re

from ansible.module_utils.host_files import command

SECONDS = 20
REGION = "us-east-1"
"""IAM has no regions: it is signed for this one everywhere."""
PROBE = "tenantry-probe"


class StoreError(Exception):
    """The store didn't do what it was asked."""


class Store:
    """An object store by its addresses, its authority's certificate and its administrator's keys."""

    def __init__(self, s3, iam, ca, region, keys):
        self.s3, self.iam, self.ca, self.region, self.keys = s3, iam, ca, region, keys

    def ask(self, method, url, service="", region="", body=""):
        """Give the code and the text of an answer, 0 where there is none; signed where a service is named."""
        settings = [("url", url), ("request", method), ("max-time", SECONDS), ("cacert", self.ca), ("noproxy", "*")]
        settings += [("write-out", "\\n%{http_code}")]
        if service:
            digest = hashlib.sha256(body.encode()).hexdigest()
            settings += [("user", ":".join(self.keys)), ("aws-sigv4", f"aws:amz:{region}:{service}")]
            settings += [("header", f"x-amz-content-sha256: {digest}"), ("data-binary", body)]
        text = "silent\nshow-error\n" + "".join(f'{name} = "{value}"\n' for name, value in settings)
        code, said = command("curl", "--disable", "--config", "-", stdin=text)
        said, _, number = said.rpartition("\n")
        return (0 if code else int(number)), said.strip()

    def must(self, method, url, service, region, body=""):
        """Ask for what has to be done, and give its text."""
        code, said = self.ask(method, url, service, region, body)
        if not 200 <= code < 300:
            raise StoreError(f"{method} {url}: {code or 'no answer'} {shorten(said)}".strip())
        return said

    def lives(self):
        """Say whether both answer over TLS that the authority vouches for."""
        return all(self.ask("GET", f"{url}/healthz")[0] == 200 for url in (self.s3, self.iam))

    def probe(self, name, content):
        """Put an object and get it back, list IAM's users, and see that nothing answers without TLS."""
        bucket = f"{self.s3}/{PROBE}-{name}"
        code, said = self.ask("PUT", bucket, "s3", self.region)
        # What a run that was killed left is used.
        if not 200 <= code < 300 and code != 409:
            raise StoreError(f"PUT {bucket}: {code or 'no answer'} {shorten(said)}".strip())
        self.must("PUT", f"{bucket}/object", "s3", self.region, content)
        got = self.must("GET", f"{bucket}/object", "s3", self.region)
        if got != content:
            raise StoreError("an object that was put came back otherwise")
        self.must("DELETE", f"{bucket}/object", "s3", self.region)
        self.must("DELETE", bucket, "s3", self.region)
        self.must("POST", f"{self.iam}/", "iam", REGION, "Action=ListUsers&Version=2010-05-08")
        self.refuse_plain()

    def refuse_plain(self):
        """See that nothing answers without TLS."""
        for url in (self.s3, self.iam):
            plain = f"http{url.removeprefix('https')}"
            if self.ask("GET", f"{plain}/healthz")[0]:
                raise StoreError(f"{plain} answers, so keys and objects would go in clear")


def shorten(said):
    """Give what an answer of S3 or IAM says went wrong."""
    found = re.search(r"<Message>([^<]*)</Message>", said)
    return found[1] if found else said[:200]
