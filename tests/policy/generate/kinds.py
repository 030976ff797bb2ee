"""Writes modules/tenantry/policy/kinds/kinds.json: shapes from Go's types, names from a real API server.

(cd toolchain/kubernetes && go run ../../tests/policy/generate/kinds.go) > shapes.json
python tests/policy/generate/kinds.py shapes.json KUBECTL --kubeconfig FILE
"""

import json
import subprocess
import sys
from pathlib import Path

TARGET = Path(__file__).parents[3] / "modules/tenantry/policy/kinds/kinds.json"


def main(shapes: str, *kubectl: str) -> None:
    def get(path: str) -> dict:
        return json.loads(subprocess.run([*kubectl, "get", "--raw", path], check=True, capture_output=True).stdout)

    data = json.loads(Path(shapes).read_text())
    groups = [group["preferredVersion"]["groupVersion"] for group in get("/apis")["groups"]]
    versions = [version["groupVersion"] for group in get("/apis")["groups"] for version in group["versions"]]
    resources = {}
    for path, version in [("/api/v1", "v1"), *((f"/apis/{version}", version) for version in versions)]:
        for resource in get(path)["resources"]:
            if "/" not in resource["name"]:
                resources[f"{version}/{resource['kind']}"] = [resource["name"], resource["namespaced"]]
    assert groups, "no groups"
    data["resources"] = resources
    data["kubernetes"] = get("/version")["gitVersion"].removeprefix("v")
    TARGET.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], *sys.argv[2:])
