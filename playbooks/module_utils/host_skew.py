"""How far apart the versions of a cluster's parts may be. Pure: it asks nobody."""

import re


def release(version):
    """Give the release of a version such as v1.37.2 as numbers; nothing where it isn't one."""
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", version)
    return tuple(int(part) for part in found.groups()) if found else None


def skew(kubelet, server, older):
    """Say why a kubelet isn't fit for an API server; nothing where it is: never newer, at most so many minors older.

    Source: Kubernetes' version skew policy, which allows three. A newer patch of the same minor version is fit.
    """
    ours, theirs = release(kubelet), release(server)
    if ours is None or theirs is None:
        return f"{kubelet} and {server} can't be compared"
    if ours[:2] > theirs[:2]:
        return f"it is newer than the API server, {server}"
    if ours[0] != theirs[0] or theirs[1] - ours[1] > older:
        return f"it is more than {older} minor versions older than the API server, {server}"
    return ""
