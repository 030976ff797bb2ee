"""Bare machines: started and stopped by QEMU as their management controller says, with what they can boot from."""

import json
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from guests import PRELUDE


@dataclass
class Machine:
    """A machine without a system, in a network of guests. It boots from the network, whatever lies on its disk."""

    folder: Path
    mac: str
    network: int
    mib: int = 1024
    process: subprocess.Popen[bytes] | None = None

    def on(self) -> None:
        """Give it power."""
        self.folder.mkdir(parents=True, exist_ok=True)
        disk = self.folder / "disk.qcow2"
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", disk, "2G"], check=True)
        command = [
            *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-name", self.folder.name),
            *("-machine", "q35", "-accel", "tcg,thread=multi,tb-size=128", "-cpu", "max", "-smp", "2"),
            *("-m", str(self.mib), "-rtc", "base=utc,clock=host", "-device", "virtio-rng-pci"),
            *("-drive", f"file={disk},if=none,id=d0,cache=unsafe"),
            *("-device", "virtio-blk-pci,drive=d0,serial=BARE0ROOT,bootindex=2"),
            *("-netdev", f"socket,id=net0,mcast=230.0.0.1:{self.network},localaddr=127.0.0.1"),
            *("-device", f"virtio-net-pci,netdev=net0,mac={self.mac},bootindex=1"),
            *("-serial", f"file:{self.folder}/console"),
        ]
        with (self.folder / "qemu.log").open("wb") as log:
            self.process = subprocess.Popen([*PRELUDE, *command], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def off(self) -> None:
        """Take its power."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(30)
            self.process = None

    @property
    def runs(self) -> bool:
        """Say whether it has power."""
        return self.process is not None and self.process.poll() is None

    def console(self) -> str:
        """Give what it wrote to its serial port."""
        file = self.folder / "console"
        return file.read_text(errors="replace") if file.exists() else ""


@dataclass
class Notified:
    """What a controller's notifier told of its machines."""

    url: str
    told: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def machine(folder: Path, mac: str, network: int, mib: int = 1024) -> Iterator[Machine]:
    """Give a machine that is off, and is gone afterwards."""
    bare = Machine(folder, mac, network, mib)
    try:
        yield bare
    finally:
        bare.off()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def notified(machine_of: Callable[[str], Machine | None]) -> Iterator[Notified]:
    """Take what a controller's notifier tells, and give its machines power, or take it."""

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            system = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.told.append(system)
            bare = machine_of(system["name"])
            if bare is not None and bare.runs != (system["power_state"] == "On"):
                (bare.off if bare.runs else bare.on)()
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    # One thread for all: a machine ends with the thread that started it.
    server = HTTPServer(("127.0.0.1", 0), Handler)
    found = Notified(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
