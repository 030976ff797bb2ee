"""Turns rows of the real estate into requests, always the same ones.

`PYTHONPATH=tests python -m estate.requests DIR [LIMIT]` writes all of them, or the first.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

Row = Mapping[str, Any]

ROWS = Path(__file__).with_name("tenants.jsonl")
ENVIRONMENTS = (
    ("prod", ("production", "prod", "live")),
    ("tools", ("tools", "db-backups", "training", "poc", "prototyp", "parity", "demo", "local")),
    ("test", ("preprod", "staging", "stage", "uat", "test", "qa", "e2e")),
)
SIZES = ((20, "small"), (60, "medium"), (150, "large"))
CLASSES = ("open", "shared", "shared", "shared", "market", "restricted")
APPROVALS = {
    "open": ["owner"],
    "shared": ["owner"],
    "market": ["owner", "legal"],
    "restricted": ["owner", "security"],
}


def rows() -> list[Row]:
    """Read the estate."""
    return [json.loads(line) for line in ROWS.read_text(encoding="utf-8").splitlines()]


def tenant_id(name: str) -> str:
    """Give a tenant's id by its name: opaque, and the same at every run."""
    return f"t-{_base36(name)}"


def request(row: Row, known: Mapping[str, str] | None = None, classification: str | None = None) -> dict[str, Any]:
    """Make the request of one row; `known` are the ids, by name, of the tenants that its intents may name."""
    chosen = classification or _classification(row)
    spec: dict[str, Any] = {
        "id": tenant_id(row["name"]),
        "department": department(row),
        "template": _template(row),
        "environment": _environment(row["environment"]),
        "classification": chosen,
        "size": next((size for most, size in SIZES if int(row["quota"].get("pods", 50)) <= most), "xlarge"),
        "access": _access(row),
        "buckets": _buckets(row, chosen),
    }
    if chosen != "restricted":
        spec["ingress"] = {"hosts": [f"{_slug(row['name'], 60)}.{spec['department']}.gov.example"]}
    spec["serviceAccounts"] = _accounts(row, spec["buckets"])
    spec["intents"] = list(_intents(row, known or {}))
    spec["approvals"] = [
        {
            "by": f"{role}@{spec['department']}.gov.example",
            "role": role,
            "on": "2026-08-01",
            "reference": "CHG-2026-0801",
        }
        for role in APPROVALS[chosen]
    ]
    if chosen != "restricted" and spec["environment"] in ("dev", "tools"):
        spec["placement"] = {"site": "hosted"}
    if row["review_after"] and spec["environment"] in ("dev", "tools"):
        spec["lease"] = {"starts": "2026-08-01", "ends": "2027-07-31", "reason": "Reviewed with the platform team"}
    labels = {"team": _slug(row["team"], 60)} if row["team"] else {}
    metadata = {"name": _slug(row["name"], 63)} | ({"labels": labels} if labels else {})
    spec = {name: value for name, value in spec.items() if value != []}
    return {"apiVersion": "tenantry.dev/v1", "kind": "Tenant", "metadata": metadata, "spec": spec}


def department(row: Row) -> str:
    """Give the department of a row: its business unit."""
    return _slug(row["business_unit"], 40)


def requests(limit: int | None = None, salt: str = "") -> list[dict[str, Any]]:
    """Make the requests of the first rows, or of all; another `salt` gives the same tenants with other ids."""
    chosen = rows()[:limit]
    known = {row["name"]: tenant_id(row["name"] + salt) for row in chosen}
    made = [request(row, known) for row in chosen]
    for row, document in zip(chosen, made, strict=True):
        document["spec"]["id"] = known[row["name"]]
    return made


def write(folder: Path, documents: list[dict[str, Any]]) -> None:
    """Write each request to a file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    for document in documents:
        text = yaml.safe_dump(document, sort_keys=False, width=110)
        (folder / f"{document['metadata']['name']}.yaml").write_text(text, encoding="utf-8")


def _base36(name: str) -> str:
    number, digits = int(sha256(name.encode()).hexdigest(), 16), ""
    for _ in range(8):
        number, digit = divmod(number, 36)
        digits += "0123456789abcdefghijklmnopqrstuvwxyz"[digit]
    return digits


def _slug(text: str, most: int) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:most].strip("-")


def _environment(text: str) -> str:
    lowered = text.lower()
    return next((name for name, words in ENVIRONMENTS if any(lowered.startswith(word) for word in words)), "dev")


def _template(row: Row) -> str:
    services = row["services"]
    if "cloudfront" in services or any(bucket["public"] for bucket in row["buckets"]):
        return "content"
    if "opensearch" in services or "rds-aurora" in services or len(row["buckets"]) > 2:
        return "data"
    if "sqs" in services or "sns-topic" in services:
        return "sensing"
    if "Prototype" in (row["application"] or "") or not services:
        return "software"
    return "service"


def _classification(row: Row) -> str:
    if any(bucket["public"] for bucket in row["buckets"]):
        return "open"
    return CLASSES[int(sha256(row["name"].encode()).hexdigest(), 16) % len(CLASSES)]


def _access(row: Row) -> list[dict[str, str]]:
    roles = {"admin": "admin", "namespace-developer": "developer"}
    pairs = {(entry["group"], roles.get(entry["role"], "auditor")) for entry in row["access"] if entry["group"]}
    return [{"group": group, "role": role} for group, role in sorted(pairs)]


def _buckets(row: Row, classification: str) -> list[dict[str, Any]]:
    made: dict[str, dict[str, Any]] = {}
    for bucket in row["buckets"]:
        name = _slug(bucket["name"], 40)
        made[name] = {"name": name, "quota": "50Gi"}
        if bucket["public"] and classification == "open":
            made[name]["publish"] = True
    return list(made.values())


def _accounts(row: Row, buckets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    for number in range(max(1, row["service_accounts"])):
        account: dict[str, Any] = {"name": "app" if not number else f"app-{number + 1}", "namespace": "main"}
        if not number and buckets:
            account["buckets"] = [{"bucket": bucket["name"], "access": "readWrite"} for bucket in buckets]
        made.append(account)
    return made


def _intents(row: Row, known: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    for selector in row["cross_namespace_ingress"]:
        for name in json.loads(selector).get("matchLabels", {}).values():
            if name in known and name != row["name"]:
                reason = f"{name} calls this service"
                yield {"direction": "from", "tenant": known[name], "port": 8080, "reason": reason}


if __name__ == "__main__":
    write(Path(sys.argv[1]), requests(int(sys.argv[2]) if len(sys.argv) > 2 else None))
