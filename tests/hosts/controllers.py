"""Management controllers for tests: an emulator over TLS, with a CA of the test's own."""

import base64
import json
import os
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bcrypt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from guests import PRELUDE, free_port

from certificates import Pair, issue

PASSWORD = "a pass%word: of tests"


@dataclass(frozen=True)
class Controller:
    """A running emulator: its port on loopback, its CA, and the file with whom it lets in."""

    port: int
    pair: Pair
    credentials: Path

    @property
    def fingerprint(self) -> str:
        """Give the SHA-256 of its certificate, as openssl prints it."""
        return certificate_of(self.pair).fingerprint(hashes.SHA256()).hex(":").upper()

    def system(self, number: int = 1) -> dict[str, Any]:
        """Read a machine without any of our code."""
        url = f"https://127.0.0.1:{self.port}/redfish/v1/Systems/{uuid_of(number)}"
        asked = urllib.request.Request(url, headers={"Authorization": f"Basic {_token()}"})
        with urllib.request.urlopen(asked, context=ssl.create_default_context(cafile=self.pair.authority)) as answer:
            found: dict[str, Any] = json.loads(answer.read())
            return found


def certificate_of(pair: Pair) -> x509.Certificate:
    """Give the certificate that a pair's server shows."""
    return x509.load_pem_x509_certificate(pair.certificate.read_bytes())


def uuid_of(number: int) -> str:
    """Give the id of a machine of the emulator's."""
    return f"00000000-0000-4000-8000-{number:012d}"


def _token() -> str:
    return base64.b64encode(f"ops:{PASSWORD}".encode()).decode()


@contextmanager
def controller(folder: Path, *, power: str = "Off", machines: int = 2, **more: object) -> Iterator[Controller]:
    """Run an emulator of so many machines: CZJ1 with the MAC 52:54:00:00:00:01, and so on."""
    pair, port = issue(folder / "tls"), free_port()
    lets_in = folder / "htpasswd"
    lets_in.write_text(f"ops:{bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()}\n")
    credentials = folder / "bmc.ini"
    credentials.write_text(f"[DEFAULT]\nusername = ops\npassword = {PASSWORD}\nca_file = {pair.authority}\n")
    credentials.chmod(0o600)
    settings = folder / "emulator.json"
    settings.write_text(json.dumps(_settings(folder, pair, port, lets_in, power, machines, more)))
    with (folder / "emulator.log").open("wb") as log:
        command = [*PRELUDE, sys.executable, str(Path(__file__).with_name("emulator.py")), str(settings)]
        process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    started = Controller(port, pair, credentials)
    try:
        _wait(started, process, folder / "emulator.log")
        yield started
    finally:
        process.kill()
        process.wait(30)


def _settings(
    folder: Path, pair: Pair, port: int, lets_in: Path, power: str, machines: int, more: Mapping[str, object]
) -> Mapping[str, object]:
    (folder / "state").mkdir()
    systems = [
        {
            "uuid": uuid_of(number),
            "name": f"host-{number}",
            "power_state": power,
            "external_notifier": "notify" in more,
            "nics": [{"mac": f"52:54:00:00:00:{number:02x}", "ip": f"10.20.0.{number}"}],
        }
        for number in range(1, machines + 1)
    ]
    sushy = {
        # On all of loopback: two machines can't have one controller's address.
        "SUSHY_EMULATOR_LISTEN_IP": "0.0.0.0",
        "SUSHY_EMULATOR_LISTEN_PORT": port,
        "SUSHY_EMULATOR_SSL_CERT": str(pair.certificate),
        "SUSHY_EMULATOR_SSL_KEY": str(pair.key),
        "SUSHY_EMULATOR_AUTH_FILE": str(lets_in),
        "SUSHY_EMULATOR_STATE_DIR": str(folder / "state"),
        "SUSHY_EMULATOR_FAKE_DRIVER": True,
        "SUSHY_EMULATOR_FAKE_SYSTEMS": systems,
        "EXTERNAL_NOTIFICATION_URL": more.get("notify", "http://127.0.0.1:9"),
    }
    told = {uuid_of(n): {"serial": f"CZJ{n}", "model": "Model 7"} for n in range(1, machines + 1)}
    return {"sushy": sushy, "told": told, **({"delay": more["delay"]} if "delay" in more else {})}


def _wait(started: Controller, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            started.system()
        except OSError:
            assert process.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < deadline, log.read_text(errors="replace")
            time.sleep(0.2)
        else:
            return
