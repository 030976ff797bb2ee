"""Expressions, and what an API server makes of them: each is tried on our engine and on a real server.

`object` is POD. HOLDS are true; FAILS give an error and no value; REFUSED aren't taken into a policy at all. They stand
in expressions_*.txt, one a line.
"""

from pathlib import Path

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "subject", "labels": {"app": "a", "tier": "web"}, "annotations": {"n": "5"}},
    "spec": {
        "hostNetwork": False,
        "containers": [
            {
                "name": "one",
                "image": "registry.example:5000/team/app:1.2.3",
                "ports": [{"containerPort": 8080}],
                "resources": {"limits": {"cpu": "1500m", "memory": "1024Mi"}, "requests": {"cpu": "0.5"}},
                "env": [{"name": "A", "value": "1"}, {"name": "B", "value": ""}],
                "securityContext": {"runAsUser": 1000, "capabilities": {"drop": ["ALL"]}},
            },
            {"name": "two", "image": "nginx"},
        ],
        "volumes": [{"name": "v"}, {"name": "s", "secret": {"secretName": "x"}}],
    },
}


def read(name: str) -> list[str]:
    """The lines of a table."""
    text = Path(__file__).with_name(f"expressions_{name}.txt").read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line]


HOLDS, FAILS, REFUSED = read("holds"), read("fails"), read("refused")
