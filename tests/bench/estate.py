"""A bench's own government and sandbox: estate rows as requests, all on one site, in a folder that goes afterwards."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from estate.requests import requests, write
from tenantry.data import example_dir
from tenantry.toolchain import binary

SITE = "onprem"
TENANTRY = str(Path(sys.executable).with_name("tenantry"))


@dataclass(frozen=True, slots=True)
class Bench:
    """A folder, and the environment of every command that is timed."""

    folder: Path
    environment: dict[str, str]

    def government(self, count: int, salt: str) -> Path:
        """Write `count` tenants that nobody made yet, and the sites and departments around them."""
        root = self.folder / f"government-{count}-{salt}"
        for name in ("sites", "departments"):
            shutil.copytree(example_dir() / name, root / name)
        documents = requests(count, salt)
        for document in documents:
            document["spec"]["placement"] = {"site": SITE}
        write(root / "tenants", documents)
        return root

    def manifests(self, government: Path) -> Path:
        """Render a government's Kubernetes objects into one file for kubectl, Namespaces first."""
        file = government / "manifests.yaml"
        command = [TENANTRY, "render", str(government / "tenants"), "--context", str(government)]
        text = subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout
        documents = text.split("---\n")[1:]
        documents.sort(key=lambda document: "\nkind: Namespace\n" not in document)
        file.write_text("".join(f"---\n{document}" for document in documents))
        return file

    def kubectl(self, file: Path) -> list[str]:
        """Give the yardstick's command: one kubectl, of the toolchain's own version, over all of the same objects."""
        config = self.folder / "state" / "sandbox" / SITE / "conf" / "tenantry.kubeconfig"
        apply = ["apply", "--server-side", "--field-manager=kubectl", "-f", str(file)]
        return [str(binary("kubectl")), "--kubeconfig", str(config), *apply]

    def tenantry(self, *words: str) -> list[str]:
        """Give a command of tenantry's."""
        return [TENANTRY, *words]


@contextmanager
def open_bench(folder: Path) -> Iterator[Bench]:
    """Start a sandbox for one bench, and stop and remove it afterwards."""
    environment = os.environ | {"TENANTRY_STATE": str(folder / "state")}
    environment.pop("TENANTRY_CONNECTIONS", None)
    subprocess.run([TENANTRY, "sandbox", "up"], env=environment, check=True)
    try:
        yield Bench(folder, environment)
    finally:
        subprocess.run([TENANTRY, "sandbox", "down", "--delete"], env=environment, check=False)
