"""A machine's management controller over Redfish (DMTF DSP0266): read, changed, and read again until it is so.

Shared by tenantry's modules, and run where Ansible runs: it needs urllib3, which tenantry does.
"""

import configparser
import json
import os
import re
import stat
import time

import urllib3
from urllib3.exceptions import HTTPError

BOOT = {"pxe": "Pxe", "hdd": "Hdd", "cd": "Cd"}
"""What a machine can boot from once, by our words: Redfish's BootSourceOverrideTarget."""
RESET = "#ComputerSystem.Reset"
ALLOWED = "@Redfish.AllowableValues"
LONGEST_SAID = 200
# An answer that is longer is no system's; what it says isn't read into memory.
MOST_BYTES = 4 << 20


class BmcError(Exception):
    """A controller didn't do what it was asked, or isn't one; with how to mend it."""

    def __init__(self, what, fix="see that the BMC works, then run the same command again"):
        super().__init__(what)
        self.fix = fix


class RefusedError(Exception):
    """Nothing is to be changed on this machine: the key, the value, what is wrong, and how to mend it."""

    def __init__(self, key, value, what, fix):
        super().__init__(what)
        self.reason = {"key": key, "value": str(value), "what": what, "fix": fix}


def read_login(path, host):
    """Read whom a host's controller lets in, from a file that its owner alone can read.

    It is INI: a section a host, and [DEFAULT] for those that have none; each with username and password, and with
    ca_file where the certificate is issued by a CA of one's own. What it holds is never part of a message.
    """
    fix = f"write it: [DEFAULT], username = ..., password = ...; then chmod 600 {path}"
    try:
        with open(path, encoding="utf-8") as source:
            seen = os.fstat(source.fileno())
            if seen.st_uid != os.geteuid() or stat.S_IMODE(seen.st_mode) & 0o077:
                raise RefusedError("credentials", path, "others than you can read it", f"chown, and chmod 600 {path}")
            parser = configparser.ConfigParser(interpolation=None)
            parser.read_string(source.read())
    except OSError as error:
        raise RefusedError("credentials", path, f"it can't be read: {error.strerror}", fix) from None
    except (configparser.Error, UnicodeDecodeError) as error:
        line = f" at line {error.lineno}" if hasattr(error, "lineno") else ""
        raise RefusedError("credentials", path, f"it isn't an INI file{line}", fix) from None
    login = dict(parser[host]) if parser.has_section(host) else dict(parser.defaults())
    if missing := [name for name in ("username", "password") if not login.get(name)]:
        raise RefusedError("credentials", path, f"it gives {host} no {' and no '.join(missing)}", fix)
    if login.get("ca_file") and not os.path.isfile(os.path.expanduser(login["ca_file"])):
        raise RefusedError("credentials", path, f"its ca_file {login['ca_file']} isn't there", "correct it")
    return login


class Redfish:
    """One controller. It is asked over TLS alone, and no redirection is followed."""

    def __init__(self, address, port, login, *, fingerprint="", verified=True):
        trust = {"cert_reqs": "CERT_REQUIRED"}
        if login.get("ca_file"):
            trust["ca_certs"] = os.path.expanduser(login["ca_file"])
        if fingerprint:
            # That very certificate, whoever issued it: urllib3 compares before it sends anything.
            trust = {"cert_reqs": "CERT_NONE", "assert_hostname": False, "assert_fingerprint": fingerprint}
        elif not verified:
            trust = {"cert_reqs": "CERT_NONE", "assert_hostname": False}
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self.where = f"{address}:{port}"
        # Not as an argument of each request: urllib3 keeps it off what it prints.
        self._headers = urllib3.make_headers(basic_auth=f"{login['username']}:{login['password']}")
        self._headers.update({"Accept": "application/json", "OData-Version": "4.0"})
        self._pool = urllib3.HTTPSConnectionPool(
            address, port, timeout=urllib3.Timeout(connect=10, read=30), maxsize=1, **trust
        )

    def get(self, path):
        """Read a resource; also its ETag, or None."""
        again = urllib3.Retry(2, other=0, redirect=0, status_forcelist=[502, 503, 504], backoff_factor=0.5)
        text, etag = self._ask("GET", path, None, None, again)
        try:
            found = json.loads(text)
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise BmcError(f"what the BMC at {self.where} answers to {path} isn't Redfish", "correct bmc.address")
        return found, etag

    def send(self, method, path, body, etag=None):
        """Ask for a change. It is never asked twice: whether it was done is read, not guessed."""
        self._ask(method, path, body, etag, False)

    def _ask(self, method, path, body, etag, retries):
        if not path.startswith("/") or path.startswith("//"):
            raise BmcError(f"the BMC at {self.where} leads elsewhere: {path[:LONGEST_SAID]}", "correct bmc.address")
        headers = {**self._headers, **({"Content-Type": "application/json"} if body is not None else {})}
        if etag:
            headers["If-Match"] = etag
        text = json.dumps(body).encode() if body is not None else None
        try:
            answer = self._pool.request(
                method, path, body=text, headers=headers, retries=retries, redirect=False, preload_content=False
            )
            told = answer.read(MOST_BYTES)
            answer.release_conn()
        except HTTPError as error:
            raise unreached(self.where, error) from None
        if answer.status in (401, 403):
            what = f"the BMC at {self.where} doesn't let these credentials in ({answer.status} at {path})"
            raise BmcError(what, "correct username and password in the file of credentials, or the account's rights")
        if not 200 <= answer.status < 300:
            raise BmcError(f"the BMC at {self.where} answers {answer.status} to {method} {path}{said(told)}")
        return told, answer.headers.get("ETag")


def unreached(where, error):
    """Tell why a controller wasn't reached: a certificate is another matter than a cable."""
    reason = getattr(error, "reason", None) or error
    text = " ".join(str(reason).split())[:LONGEST_SAID]
    if re.search(r"certificate|fingerprint", text, re.IGNORECASE):
        fix = "name its CA as ca_file in the file of credentials, or its certificate by bmc.fingerprint"
        return BmcError(f"the BMC at {where} doesn't prove itself: {text}", fix)
    return BmcError(f"the BMC at {where} doesn't answer: {text}", "correct bmc.address, or see that it has power")


def said(body):
    """Give what an error's answer says, in a few words."""
    try:
        error = json.loads(body)["error"]
        told = [one["Message"] for one in error.get("@Message.ExtendedInfo", ()) if one.get("Message")]
        return ": " + " ".join(" ".join(map(str, told or [error["message"]])).split())[:LONGEST_SAID]
    except (ValueError, KeyError, TypeError, AttributeError):
        return ""


def find_system(bmc, serial):
    """Give the path of the machine with a serial number; refuse where the controller has another one."""
    members = bmc.get("/redfish/v1/Systems")[0].get("Members", [])
    found = {one["@odata.id"]: serial_of(bmc.get(one["@odata.id"])[0]) for one in members}
    paths = [path for path, number in found.items() if number == serial]
    if len(paths) != 1:
        there = ", ".join(number or "none" for number in found.values()) or "no machine"
        what = f"the inventory's serial number is {serial}, and the BMC at {bmc.where} has {there}"
        raise RefusedError("serial", serial, what, "correct bmc.address or serial in the inventory")
    return paths[0]


def serial_of(system):
    """Give a machine's serial number."""
    return str(system.get("SerialNumber") or "").strip()


def read_macs(bmc, system):
    """Give the MAC addresses of a machine's ports; some controllers know none while it is off."""
    path = system.get("EthernetInterfaces", {}).get("@odata.id")
    members = bmc.get(path)[0].get("Members", []) if path else []
    found = (bmc.get(one["@odata.id"])[0].get("MACAddress") for one in members)
    return sorted({str(mac).lower() for mac in found if mac})


def boots_from(system):
    """Give what a machine boots from next, where it isn't what it is set to: the target, and for how often."""
    boot = system.get("Boot", {})
    often = boot.get("BootSourceOverrideEnabled") or "Disabled"
    target = boot.get("BootSourceOverrideTarget") or "None"
    return ("None", "Disabled") if "Disabled" in (often, target) or target == "None" else (target, often)


def find_changes(system, power, boot):
    """Say what differs from what is wanted, in the order in which it is changed: what it boots from, then its power."""
    changes = []
    if boot and boots_from(system) != (BOOT[boot], "Once"):
        target, often = boots_from(system)
        was = "its own order" if target == "None" else f"{target} ({often.lower()})"
        changes.append(("boot", f"boot: {was} to {BOOT[boot]} (once)"))
    now = system.get("PowerState") or "unknown"
    if power == "restart":
        steps = "Off to On" if now == "Off" else f"{now} to Off to On"
        changes.append(("restart", f"power: {steps}"))
    elif power and now != power.capitalize():
        changes.append((power, f"power: {now} to {power.capitalize()}"))
    return changes


def refuse_unable(system, boot):
    """Refuse what a machine can't boot from."""
    known = system.get("Boot", {}).get(f"BootSourceOverrideTarget{ALLOWED}")
    if boot and known is not None and BOOT[boot] not in known:
        what = f"the machine doesn't boot from it once, but from {', '.join(known) or 'nothing'}"
        raise RefusedError("boot", boot, what, "choose another one, or set it in the machine's own settings")


def takes_power(system, power):
    """Say whether a change takes the power from a machine that has it."""
    return power in ("off", "restart") and system.get("PowerState") != "Off"


class Settling:
    """Changes a machine, and reads it until it is so."""

    def __init__(self, bmc, path, *, graceful, wait, interval):
        self._bmc, self._path = bmc, path
        self._graceful, self._wait, self._interval = graceful, wait, interval

    def boot(self, boot):
        """Have it boot once from something."""
        system, etag = self._bmc.get(self._path)
        wanted = {"BootSourceOverrideEnabled": "Once", "BootSourceOverrideTarget": BOOT[boot]}
        # Some boards set the mode back with the target, unless it is said with it.
        if mode := system.get("Boot", {}).get("BootSourceOverrideMode"):
            wanted["BootSourceOverrideMode"] = mode
        self._bmc.send("PATCH", self._path, {"Boot": wanted}, etag)
        so = (BOOT[boot], "Once")
        if not self._until(lambda now: boots_from(now) == so, self._wait):
            now = " ".join(boots_from(self._bmc.get(self._path)[0]))
            raise BmcError(f"it was asked to boot from {so[0]} once, and after {self._wait} s still says {now}")

    def on(self):
        """Switch it on."""
        self._reset(["On", "ForceOn"])
        self._reach("On")

    def off(self):
        """Switch it off: its system is asked first, and after a while it isn't."""
        if not (self._graceful and self._reset(["GracefulShutdown"], must=False) and self._ends()):
            self._reset(["ForceOff"])
        self._reach("Off")

    def _ends(self):
        return self._until(lambda now: now.get("PowerState") == "Off", self._graceful)

    def restart(self):
        """Switch it off and on, each seen: a reset by itself shows nothing that could be waited for."""
        if self._bmc.get(self._path)[0].get("PowerState") != "Off":
            self.off()
        self.on()

    def _reset(self, kinds, *, must=True):
        action = self._bmc.get(self._path)[0].get("Actions", {}).get(RESET, {})
        known = action.get(f"ResetType{ALLOWED}")
        kind = next((one for one in kinds if known is None or one in known), None)
        if kind is None and must:
            raise BmcError(f"the machine knows no reset {kinds[0]}, but {', '.join(known)}", "do it by its console")
        if kind:
            self._bmc.send(
                "POST", action.get("target", f"{self._path}/Actions/ComputerSystem.Reset"), {"ResetType": kind}
            )
        return kind

    def _reach(self, state):
        if not self._until(lambda now: now.get("PowerState") == state, self._wait):
            now = self._bmc.get(self._path)[0].get("PowerState")
            raise BmcError(f"it was asked to be {state}, and after {self._wait} s its power is still {now}")

    def _until(self, holds, seconds):
        """Read until something holds. A controller that doesn't answer for a moment is asked again."""
        deadline = time.monotonic() + seconds
        while True:
            failed = None
            try:
                if holds(self._bmc.get(self._path)[0]):
                    return True
            except BmcError as error:
                failed = error
            if time.monotonic() >= deadline:
                if failed:
                    raise failed
                return False
            time.sleep(self._interval)
