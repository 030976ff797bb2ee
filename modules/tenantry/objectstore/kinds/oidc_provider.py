"""The issuers of tokens that a store trusts: one for an issuer in a site, whoever's stack holds it."""

from tenantry.objectstore.kinds.base import Found, Inputs, Made
from tenantry.objectstore.kinds.identity import absent_as_none
from tenantry.objectstore.spec import Json
from tenantry.objectstore.store import Store, error_code


def issuer(url: str) -> str:
    """Give the name by which an ARN and a trust's conditions know an issuer."""
    return url.removeprefix("https://").rstrip("/")


def _same_list(one: Json, other: Json) -> bool:
    return sorted(v.lower() for v in one) == sorted(v.lower() for v in other)


class OidcProvider:
    """OIDC providers; ids are `site/arn`."""

    def same(self, key: str, one: Json, other: Json) -> bool:
        """Compare lists in any order, and issuers without their scheme."""
        if key == "url":
            return issuer(one) == issuer(other)
        return sorted(one) == sorted(other) if key == "clientIds" else _same_list(one, other)

    def faults(self, inputs: Inputs) -> list[tuple[str, str]]:
        """An issuer is reached over TLS, and known by at least one certificate and audience."""
        spec, found = inputs.spec, list[tuple[str, str]]()
        if isinstance(spec.get("url"), str) and not spec["url"].startswith("https://"):
            found.append(("spec.url", "it doesn't start with https://"))
        found += [(f"spec.{key}", "it is empty") for key in ("clientIds", "thumbprints") if spec.get(key) == []]
        return found

    def replaces(self, old: Inputs, new: Inputs, can: frozenset[str]) -> set[str]:  # noqa: ARG002
        """Everything that differs: RGW can't change an issuer's audiences or thumbprints."""
        return {"site", "spec.url", "spec.clientIds", "spec.thumbprints"}

    def create(self, store: Store, inputs: Inputs) -> Made:
        """Make a provider; one of the same issuer is taken over where it is equal, else made anew."""
        from botocore.exceptions import ClientError

        spec = inputs.spec
        call = {
            "Url": spec["url"],
            "ClientIDList": list(spec["clientIds"]),
            "ThumbprintList": list(spec["thumbprints"]),
        }
        with store.doing(f"make OIDC provider {spec['url']}"):
            try:
                arn = store.iam.create_open_id_connect_provider(**call)["OpenIDConnectProviderArn"]
            except ClientError as error:
                if error_code(error) not in ("EntityAlreadyExists", "EntityAlreadyExistsException"):
                    raise
                arn = self._existing(store, spec["url"])
                found = self.read(store, f"{store.site}/{arn}", inputs)
                if found is None or any(not self.same(key, spec[key], found.spec[key]) for key in found.spec):
                    store.iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
                    arn = store.iam.create_open_id_connect_provider(**call)["OpenIDConnectProviderArn"]
        return Made(f"{inputs.site}/{arn}", {"arn": arn})

    def _existing(self, store: Store, url: str) -> str:
        listed = store.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
        return next(p["Arn"] for p in listed if p["Arn"].partition("oidc-provider/")[2] == issuer(url))

    def read(self, store: Store, object_id: str, known: Inputs | None) -> Found | None:
        """Read a provider."""
        arn = object_id.partition("/")[2]
        with store.doing(f"read OIDC provider {arn}"):
            get = store.iam.get_open_id_connect_provider
            answer = absent_as_none(lambda: get(OpenIDConnectProviderArn=arn))
        if answer is None:
            return None
        url = answer["Url"] if answer["Url"].startswith("https://") else f"https://{answer['Url']}"
        spec = {"url": url, "clientIds": answer["ClientIDList"], "thumbprints": answer["ThumbprintList"]}
        return Found("", known.name if known else issuer(url), spec, {"arn": arn})

    def update(self, store: Store, object_id: str, new: Inputs) -> Made:  # noqa: ARG002
        """Nothing of a provider changes in place."""
        return Made(object_id, {"arn": object_id.partition("/")[2]})

    def delete(self, store: Store, object_id: str, old: Inputs) -> None:  # noqa: ARG002
        """Delete a provider: no token of its issuer is taken any more."""
        arn = object_id.partition("/")[2]
        with store.doing(f"delete OIDC provider {arn}"):
            remove = store.iam.delete_open_id_connect_provider
            absent_as_none(lambda: remove(OpenIDConnectProviderArn=arn))
