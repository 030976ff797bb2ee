"""What is observed of a kubelet: the configuration that it has in force, and the files that it runs by. Reads only."""

import http.client
import json
import os

from ansible.module_utils.host_files import command, owner_of, read
from ansible.module_utils.host_observing import AbsentError, UnansweredError
from ansible.module_utils.host_tls import trust

SECONDS = 15
PORT = 10250


def arguments():
    """Give the flags of the kubelet that runs here, by name."""
    for pid in os.listdir("/proc"):
        if pid.isdigit() and (read(f"/proc/{pid}/comm") or "").strip() == "kubelet":
            words = (read(f"/proc/{pid}/cmdline") or "").split("\0")
            return dict(word[2:].partition("=")[::2] for word in words if word.startswith("--"))
    raise AbsentError("no kubelet runs on the host")


def document(path):
    """Read a file of ours: JSON, after lines of comment."""
    lines = (read(path) or "").splitlines()
    return json.loads("\n".join(line for line in lines if not line.startswith("#")))


def configuration():
    """Ask the kubelet itself what is in force, as its own node: only a kubelet that lets it in tells."""
    flags = arguments()
    own, access = document(flags["config"]), document(flags["kubeconfig"])
    user, cluster = access["users"][0]["user"], access["clusters"][0]["cluster"]
    context = trust(cluster["certificate-authority"], user["client-certificate"], user["client-key"])
    asked = http.client.HTTPSConnection(own["address"], own.get("port", PORT), context=context, timeout=SECONDS)
    try:
        asked.request("GET", "/configz")
        answer = asked.getresponse()
        said = answer.read().decode()
    except OSError as error:
        raise UnansweredError(f"the kubelet doesn't answer: {error}") from None
    finally:
        asked.close()
    if answer.status != http.client.OK:
        raise UnansweredError(f"the kubelet answers {answer.status}: {said}")
    return json.loads(said)["kubeletconfig"]


def files():
    """Give who may do what with the kubelet's unit, its configuration and its credentials."""
    flags = arguments()
    shown = command("systemctl", "show", "--property=FragmentPath,DropInPaths", "kubelet")[1]
    units = [path for line in shown.splitlines() for path in line.partition("=")[2].split()]
    named = [(path, "kubeletUnit") for path in units]
    named += [(flags["config"], "kubeletConfig"), (flags["kubeconfig"], "kubeletKubeconfig")]
    return [described(path, purpose) for path, purpose in named]


def described(path, purpose):
    """Give a file as facts have it."""
    mode, owner, group = owner_of(path)
    return {"path": path, "purpose": purpose, "mode": mode, "owner": owner, "group": group}
