"""Bad inventories: each is refused before anything is started, with host, key, value and fix."""

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tenantry.contract.rules.settings import role_options
from tenantry.hosts.reading import check_limit, read_inventory
from tenantry.hosts.recovery import judge_recovery
from tenantry.hosts.variables import to_ansible, to_known_hosts
from tenantry.problems import Exit, InputError

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ4nIUAfsNQHSQn9U5Z4bMk5Qy1p2bqzC0SqfXyVb7oY"


LEAF = {
    "name": "store",
    "authority": "kubernetes",
    "controls": ["nist-800-53r5/SC-8"],
    "roles": ["object-store"],
    "subject": "store",
    "names": ["s3.gov.example"],
    "purposes": ["server"],
}


def host(number: int, *roles: str, **more: object) -> dict[str, Any]:
    disks = [{"id": f"/dev/disk/by-id/wwn-0x5000c500a1b2c3{number:02x}", "purpose": "system"}]
    return {
        "name": f"host-{number}",
        "roles": list(roles),
        "rack": "r01",
        "address": f"10.20.0.{number}",
        "mac": f"52:54:00:00:00:{number:02x}",
        "serial": f"CZJ{number}",
        "disks": disks,
        **more,
    }


def good() -> dict[str, Any]:
    store_disks = [
        {"id": "/dev/disk/by-id/wwn-0x5000c500a1b2c3f0", "purpose": "system"},
        {"id": "/dev/disk/by-id/wwn-0x5000c500a1b2c3f1", "purpose": "data", "serial": "ZL2A7Q4M"},
    ]
    spec = {
        "site": "onprem",
        "offline": True,
        "racks": [{"name": "r01"}, {"name": "r02", "title": "North hall"}],
        "management": {"account": "ops", "networks": ["10.20.254.0/24"]},
        "network": {
            "hosts": ["10.20.0.0/24"],
            "pods": ["10.128.0.0/14"],
            "services": ["10.96.0.0/16"],
            "virtualAddress": "10.20.0.100",
        },
        "time": {"servers": ["ntp1.gov.example"]},
        "provision": {
            "server": "host-1",
            "install": ["host-4"],
            "mirror": "http://mirror.gov.example/debian",
            "keys": [KEY],
            "nameservers": ["10.20.0.2"],
            "ranges": [{"interface": "eth1", "block": "10.20.0.0/24", "gateway": "10.20.0.254"}],
        },
        "settings": {"baseline": {"baseline_sysctl": {"vm.swappiness": "10"}}},
        "hosts": [
            host(1, "control-plane", "etcd", bmc={"address": "10.20.255.1", "mac": "52:54:00:aa:00:01"}),
            host(2, "control-plane", "etcd"),
            host(3, "control-plane", "etcd", hostKey=KEY, ssh={"port": 2203}),
            host(4, "worker"),
            host(5, "object-store", disks=store_disks, rack="r02"),
        ],
    }
    return {"apiVersion": "tenantry.dev/v1", "kind": "Inventory", "metadata": {"name": "onprem"}, "spec": spec}


def put(value: object, *path: str | int) -> Callable[[dict[str, Any]], None]:
    """Give a change that sets a value."""

    def change(spec: dict[str, Any]) -> None:
        node: Any = spec
        for step in path[:-1]:
            node = node[step]
        node[path[-1]] = value

    return change


def drop(*path: str | int) -> Callable[[dict[str, Any]], None]:
    """Give a change that removes a value."""

    def change(spec: dict[str, Any]) -> None:
        node: Any = spec
        for step in path[:-1]:
            node = node[step]
        del node[path[-1]]

    return change


FIRST = ("hosts", 0)
SERVED = ("provision", "ranges")
PURPOSES = ("system", "data")
BAD = {
    "doubled name": (put("host-1", "hosts", 3, "name"), "TEN-700", ["host-1", "name"]),
    "doubled address": (put("10.20.0.1", "hosts", 3, "address"), "TEN-700", ["host-4", "10.20.0.1", "host-1"]),
    "address of a BMC": (put("10.20.0.4", *FIRST, "bmc", "address"), "TEN-700", ["host-4", "10.20.0.4", "host-1"]),
    "virtual address in use": (put("10.20.0.4", "network", "virtualAddress"), "TEN-700", ["10.20.0.4", "host-4"]),
    "doubled MAC": (put("52:54:00:00:00:01", "hosts", 3, "mac"), "TEN-700", ["host-4", "mac 52:54:00:00:00:01"]),
    "MAC of a BMC": (put("52:54:00:00:00:04", *FIRST, "bmc", "mac"), "TEN-700", ["host-4", "52:54:00:00:00:04"]),
    "doubled serial": (put("CZJ1", "hosts", 3, "serial"), "TEN-700", ["host-4", "serial CZJ1"]),
    "disk of two hosts": (
        put("/dev/disk/by-id/wwn-0x5000c500a1b2c301", "hosts", 3, "disks", 0, "id"),
        "TEN-700",
        ["host-4", "wwn-0x5000c500a1b2c301", "host-1"],
    ),
    "disk twice on a host": (
        put([{"id": "/dev/disk/by-id/virtio-A", "purpose": p} for p in ("system", "data")], *FIRST, "disks"),
        "TEN-700",
        ["host-1", "virtio-A"],
    ),
    "disk serial of two hosts": (
        lambda spec: [spec["hosts"][n]["disks"][0].update(serial="ZL1") for n in (0, 1)],
        "TEN-700",
        ["host-2", "ZL1", "host-1"],
    ),
    "doubled rack": (put("r01", "racks", 1, "name"), "TEN-700", ["rack r01"]),
    "unknown rack": (put("r07", *FIRST, "rack"), "TEN-701", ["host-1", "r07", "r01, r02"]),
    "no address": (put("10.20.0.999", *FIRST, "address"), "TEN-702", ["host-1", "10.20.0.999"]),
    "no address of a BMC": (put("10.20.255.300", *FIRST, "bmc", "address"), "TEN-702", ["host-1", "10.20.255.300"]),
    "outside the network": (put("10.21.0.1", *FIRST, "address"), "TEN-703", ["host-1", "10.21.0.1", "10.20.0.0/24"]),
    "virtual address outside": (put("10.21.0.1", "network", "virtualAddress"), "TEN-703", ["10.21.0.1"]),
    "pods overlap hosts": (put(["10.20.0.0/16"], "network", "pods"), "TEN-704", ["network.pods", "10.20.0.0/16"]),
    "services overlap pods": (put(["10.129.0.0/16"], "network", "services"), "TEN-704", ["network.services"]),
    "hosts overlap hosts": (put(["10.20.0.0/24", "10.20.0.0/16"], "network", "hosts"), "TEN-704", ["10.20.0.0/16"]),
    "management within pods": (
        put(["10.128.1.0/24"], "management", "networks"),
        "TEN-704",
        ["management.networks", "10.128.1.0/24"],
    ),
    "even etcd": (put(["control-plane"], "hosts", 2, "roles"), "TEN-705", ["2 hosts", "1, 3 or 5"]),
    "control plane without etcd": (
        lambda spec: [one.update(roles=["control-plane"]) for one in spec["hosts"][:3]],
        "TEN-706",
        ["etcd"],
    ),
    "workers alone": (
        lambda spec: [one.update(roles=["worker"]) for one in spec["hosts"][:3]],
        "TEN-706",
        ["no host has the role control-plane"],
    ),
    "two for a virtual address": (put(["etcd"], "hosts", 2, "roles"), "TEN-707", ["3 or more", "there are 2"]),
    "three without one": (drop("network", "virtualAddress"), "TEN-707", ["network.virtualAddress"]),
    "public time offline": (put(["0.debian.pool.ntp.org"], "time", "servers"), "TEN-708", ["0.debian.pool.ntp.org"]),
    "port of a time server": (put(["ntp1:99999"], "time", "servers"), "TEN-708", ["99999"]),
    "no time server": (put([], "time", "servers"), "TEN-125", ["time.servers"]),
    "no system disk": (put("data", *FIRST, "disks", 0, "purpose"), "TEN-709", ["host-1", "no disks"]),
    "store without disk": (drop("hosts", 4, "disks", 1), "TEN-709", ["host-5", "data"]),
    "unknown role's settings": (put({"bassline": {}}, "settings"), "TEN-710", ["bassline", "baseline"]),
    "unknown setting": (
        put({"baseline": {"baseline_sysctls": {}}}, *FIRST, "settings"),
        "TEN-710",
        ["host-1", "baseline_sysctls", "baseline_sysctl"],
    ),
    "setting of the inventory's": (
        put({"preflight": {"host_disks": []}}, "settings"),
        "TEN-710",
        ["preflight", "host_disks"],
    ),
    "text for a list": (put({"baseline": {"baseline_load": "zfs"}}, "settings"), "TEN-711", ["zfs", "a list"]),
    "number in a list of texts": (put({"baseline": {"baseline_load": [1]}}, "settings"), "TEN-711", ["a text"]),
    "true for a number": (put({"preflight": {"preflight_most_skew": True}}, "settings"), "TEN-711", ["true"]),
    "a node that doesn't forward": (
        put({"baseline": {"baseline_sysctl": {"net.ipv4.ip_forward": 0}}}, "hosts", 3, "settings"),
        "TEN-712",
        ["host-4", "net.ipv4.ip_forward", "0"],
    ),
    "a rule that switches audit off": (
        put({"audit": {"audit_extra": ["-w /srv -p wa -k srv", "-e 0"]}}, "settings"),
        "TEN-740",
        ["all hosts", "-e 0", "-w /srv"],
    ),
    "a rule that keeps records from being made": (
        put({"audit": {"audit_extra": ["-a never,task"]}}, *FIRST, "settings"),
        "TEN-740",
        ["host-1", "-a never,task"],
    ),
    "two rules in one": (put({"audit": {"audit_extra": ["-w /srv -p wa\n-D"]}}, "settings"), "TEN-740", ["-D"]),
    "a rule with a switch": (put({"audit": {"audit_extra": ["-w /srv -e 0"]}}, "settings"), "TEN-740", ["-e 0"]),
    "a copy of records to nowhere": (
        put({"audit": {"audit_remote": "tcp://log1"}}, "settings"),
        "TEN-741",
        ["tcp://log1", "log1.gov.example:60"],
    ),
    "a copy of records to no port": (put({"audit": {"audit_remote": "log1:0"}}, "settings"), "TEN-741", ["log1:0"]),
    "one file of records": (
        put({"audit": {"audit_files": 1}}, "settings"),
        "TEN-742",
        ["audit_files is 1", "2 to 999"],
    ),
    "no room beside records": (
        put({"audit": {"audit_spare_mib": 0}}, *FIRST, "settings"),
        "TEN-742",
        ["host-1", "audit_spare_mib is 0"],
    ),
    "an action that auditd hasn't": (
        put({"audit": {"audit_full_action": "email"}}, "settings"),
        "TEN-711",
        ["email", "suspend, single, halt"],
    ),
    "another cgroup driver": (
        put({"worker": {"worker_kubelet_extra": {"cgroupDriver": "cgroupfs"}}}, "settings"),
        "TEN-743",
        ["all hosts", "cgroupDriver", "leave it out"],
    ),
    "a kubelet that lets anybody in": (
        put({"worker": {"worker_kubelet_extra": {"authentication": {}}}}, "hosts", 3, "settings"),
        "TEN-743",
        ["host-4", "authentication"],
    ),
    "an API server in clear": (
        put({"worker": {"worker_api_server": "http://10.20.0.1:6443"}}, "settings"),
        "TEN-744",
        ["http://10.20.0.1:6443", "https://10.20.0.10:6443"],
    ),
    "an API server at no port": (
        put({"worker": {"worker_api_server": "https://10.20.0.1:0"}}, "settings"),
        "TEN-744",
        ["https://10.20.0.1:0"],
    ),
    "a hash of what no worker runs": (
        put({"worker": {"worker_hashes": {"kubectl": "0" * 64}}}, "settings"),
        "TEN-745",
        ["kubectl", "kube-network-policies"],
    ),
    "half a hash": (
        put({"worker": {"worker_hashes": {"kubelet": "00ff"}}}, "settings"),
        "TEN-745",
        ["00ff", "kubelet", "sha256sum"],
    ),
    "too few pods for a host": (put(["10.128.0.0/23"], "network", "pods"), "TEN-746", ["host-4", "10.20.0.4"]),
    "pods in IPv6 alone": (put(["fd00:1::/56"], "network", "pods"), "TEN-746", ["host-4", "IPv4"]),
    "a kubelet of years ago": (
        put({"worker": {"worker_most_older": 9}}, "settings"),
        "TEN-747",
        ["worker_most_older is 9", "0 to 3"],
    ),
    "an upgrade that waits for nothing": (
        put({"upgrade": {"upgrade_wait_seconds": 1}}, "settings"),
        "TEN-747",
        ["upgrade_wait_seconds is 1", "10 to 3600"],
    ),
    "a wipe of the system's disk": (put("ZL1", *FIRST, "disks", 0, "wipe"), "TEN-750", ["host-1", "the system's disk"]),
    "a wipe of another disk": (
        put("ZL2A7Q4N", "hosts", 4, "disks", 1, "wipe"),
        "TEN-750",
        ["host-5", "wipe is ZL2A7Q4N", "serial is ZL2A7Q4M"],
    ),
    "a wipe that was copied": (
        lambda spec: [
            spec["hosts"][n]["disks"].append({"id": f"/dev/disk/by-id/wwn-0x{n}", "purpose": "data", "wipe": "ZL9"})
            for n in (0, 1)
        ],
        "TEN-700",
        ["host-2", "disk ZL9", "host-1"],
    ),
    "a volume in the system's place": (
        put({"storage": {"storage_paths": {"data": "/usr/share"}}}, *FIRST, "settings"),
        "TEN-751",
        ["host-1", "storage_paths.data", "/usr/share"],
    ),
    "a volume in all of /var": (put({"storage": {"storage_paths": {"data": "/var"}}}, "settings"), "TEN-751", ["/var"]),
    "a volume in no place": (
        put({"storage": {"storage_paths": {"data": "/srv/a b"}}}, "settings"),
        "TEN-751",
        ["/srv/a b", "/srv/objects"],
    ),
    "a volume for no purpose": (
        put({"storage": {"storage_paths": {"date": "/srv"}}}, "settings"),
        "TEN-751",
        ["storage_paths.date", "write data"],
    ),
    "a volume within another": (
        put({"storage": {"storage_paths": {"data": "/srv/all", "etcd": "/srv/all/etcd"}}}, "settings"),
        "TEN-751",
        ["storage_paths.etcd", "/srv/all/etcd"],
    ),
    "more than a disk": (put({"storage": {"storage_percent": 101}}, "settings"), "TEN-752", ["101", "1 to 100"]),
    "a passphrase by half a path": (
        put({"storage": {"storage_recovery_file": "safe/onprem"}}, "settings"),
        "TEN-753",
        ["safe/onprem", "whole path"],
    ),
    "certificates that outlive their authority": (
        put({"pki": {"pki_authority_days": 90}}, "settings"),
        "TEN-760",
        ["host-1", "397 days", "authority of 90"],
    ),
    "certificates that are made at each run": (
        put({"pki": {"pki_leaf_days": 30}}, *FIRST, "settings"),
        "TEN-760",
        ["host-1", "30 days are made anew 90 days", "pki_renew_days"],
    ),
    "certificates for ten years": (
        put({"pki": {"pki_leaf_days": 3650}}, "settings"),
        "TEN-760",
        ["pki_leaf_days is 3650", "2 to 825"],
    ),
    "a weak key": (put({"pki": {"pki_key": "rsa-2048"}}, "settings"), "TEN-711", ["rsa-2048", "rsa-3072"]),
    "a server's certificate without names": (
        put({"pki": {"pki_extra_leaves": [{**LEAF, "names": []}]}}, "settings"),
        "TEN-761",
        ["store", "no SAN"],
    ),
    "a certificate of another authority": (
        put({"pki": {"pki_extra_leaves": [{**LEAF, "authority": "letsencrypt"}]}}, *FIRST, "settings"),
        "TEN-761",
        ["host-1", "letsencrypt", "etcd, kubernetes, front-proxy, object-store"],
    ),
    "a certificate in another's place": (
        put({"pki": {"pki_extra_leaves": [{**LEAF, "name": "kube-apiserver"}]}}, "settings"),
        "TEN-761",
        ["kube-apiserver", "another name"],
    ),
    "a certificate outside its folder": (
        put({"pki": {"pki_extra_leaves": [{**LEAF, "name": "../../ssh/key"}]}}, "settings"),
        "TEN-761",
        ["../../ssh/key"],
    ),
    "no certificates": (put({"pki": {"pki_leaves": []}}, "settings"), "TEN-761", ["pki_leaves", "pki_extra_leaves"]),
    "elections at each lost packet": (
        put({"etcd": {"etcd_heartbeat_ms": 500}}, "settings"),
        "TEN-762",
        ["host-1", "etcd_election_ms is 1000", "etcd_heartbeat_ms, 500"],
    ),
    "a member with another pulse": (
        put({"etcd": {"etcd_heartbeat_ms": 150}}, *FIRST, "settings"),
        "TEN-762",
        ["host-1", "etcd_heartbeat_ms", "spec.settings"],
    ),
    "too large a quota": (put({"etcd": {"etcd_quota_mib": 9000}}, "settings"), "TEN-762", ["64 to 8192"]),
    "a router's number beyond": (
        put({"controlplane": {"controlplane_router_id": 256}}, "settings"),
        "TEN-763",
        ["all hosts", "controlplane_router_id is 256", "1 to 255"],
    ),
    "a router's number of one host": (
        put({"controlplane": {"controlplane_router_id": 7}}, *FIRST, "settings"),
        "TEN-763",
        ["host-1", "controlplane_router_id", "spec.settings"],
    ),
    "a flag with its dashes": (
        put({"controlplane": {"controlplane_apiserver_flags": {"--v": 4}}}, "settings"),
        "TEN-765",
        ["all hosts", "--v", "without dashes"],
    ),
    "a flag that is another one, too": (
        put({"controlplane": {"controlplane_manager_flags": {"v": "4 --profiling=true"}}}, *FIRST, "settings"),
        "TEN-765",
        ["host-1", "the flag v", "4 --profiling=true"],
    ),
    "a flag that systemd fills in": (
        put({"controlplane": {"controlplane_scheduler_flags": {"config": "%h/x"}}}, "settings"),
        "TEN-765",
        ["%h/x"],
    ),
    "a BMC that is to be believed, and has a fingerprint": (
        put({"address": "10.20.255.1", "tls": "unverified", "fingerprint": ":".join(["0A"] * 32)}, *FIRST, "bmc"),
        "TEN-792",
        ["host-1", "fingerprint"],
    ),
    "half a fingerprint": (put("0A:0B", *FIRST, "bmc", "fingerprint"), "TEN-123", ["0A:0B"]),
    "a BMC that is to be believed by a misspelt word": (put("none", *FIRST, "bmc", "tls"), "TEN-124", ["none"]),
    "a server that nobody described": (put("host-9", *SERVED[:1], "server"), "TEN-793", ["provision.server", "host-9"]),
    "a machine whose MAC isn't known": (put(["host-9"], *SERVED[:1], "install"), "TEN-793", ["host-9", "MAC"]),
    "a server that installs itself": (put(["host-1"], *SERVED[:1], "install"), "TEN-793", ["host-1", "itself"]),
    "ranges that overlap": (
        put([{"interface": f"eth{n}", "block": f"10.20.0.0/2{3 + n}"} for n in (1, 2)], *SERVED),
        "TEN-794",
        ["10.20.0.0/25", "10.20.0.0/24 of provision.ranges"],
    ),
    "a range beyond the network": (
        put("10.21.0.0/24", *SERVED, 0, "block"),
        "TEN-794",
        ["10.21.0.0/24", "10.20.0.0/24"],
    ),
    "a range of pods": (put("10.128.0.0/24", *SERVED, 0, "block"), "TEN-794", ["10.128.0.0/24", "network.pods"]),
    "a range of IPv6": (put("fd00:1::/64", *SERVED, 0, "block"), "TEN-794", ["fd00:1::/64", "IPv4"]),
    "two ranges of a port": (
        put([{"interface": "eth1", "block": f"10.20.0.{n}/25"} for n in (0, 128)], *SERVED),
        "TEN-794",
        ["eth1 has another range"],
    ),
    "a machine outside all ranges": (put("10.20.0.128/25", *SERVED, 0, "block"), "TEN-795", ["host-4", "10.20.0.4"]),
    "a gateway outside its range": (put("10.20.1.254", *SERVED, 0, "gateway"), "TEN-795", ["10.20.1.254"]),
    "a gateway that is a host": (put("10.20.0.5", *SERVED, 0, "gateway"), "TEN-795", ["10.20.0.5", "host-5"]),
    "a mirror on the internet": (
        put("http://deb.debian.org/debian", *SERVED[:1], "mirror"),
        "TEN-796",
        ["deb.debian.org"],
    ),
    "a mirror by another protocol": (put("ftp://mirror/debian", *SERVED[:1], "mirror"), "TEN-123", ["ftp://mirror"]),
    "a kernel's argument that is a command": (
        put({"provision": {"provision_arguments": ["quiet || shell"]}}, "settings"),
        "TEN-797",
        ["all hosts", "quiet || shell"],
    ),
    "a package that is a command": (
        put({"provision": {"provision_include": ["sudo;reboot"]}}, *FIRST, "settings"),
        "TEN-797",
        ["host-1", "sudo;reboot"],
    ),
    "a store without TLS": (
        put({"objectstore": {"objectstore_endpoint": "http://s3.gov.example"}}, "settings"),
        "TEN-755",
        ["all hosts", "http://s3.gov.example", "in clear", "https://"],
    ),
    "a store's address with more than a name": (
        put({"objectstore": {"objectstore_endpoint": "https://s3.gov.example/bucket"}}, *FIRST, "settings"),
        "TEN-755",
        ["host-1", "https://s3.gov.example/bucket"],
    ),
    "a region of two words": (
        put({"objectstore": {"objectstore_region": "north --debug"}}, "settings"),
        "TEN-755",
        ["north --debug", "us-east-1"],
    ),
    "a store on root's port": (
        put({"objectstore": {"objectstore_port": 443}}, "settings"),
        "TEN-756",
        ["objectstore_port is 443", "1024 to 65535"],
    ),
    "a store with one port for both": (
        put({"objectstore": {"objectstore_iam_port": 8443}}, "hosts", 4, "settings"),
        "TEN-756",
        ["host-5", "8443", "its own port"],
    ),
    "a second store": (
        lambda spec: spec["hosts"].append(
            host(6, "object-store", disks=[{"id": f"/dev/disk/by-id/wwn-0x6{p}", "purpose": p} for p in PURPOSES])
        ),
        "TEN-757",
        ["host-6", "one object store"],
    ),
    "keys by half a path": (
        put({"objectstore": {"objectstore_keys_file": "safe/keys"}}, "settings"),
        "TEN-758",
        ["safe/keys", "whole path"],
    ),
    "unknown role": (put(["control-plan"], *FIRST, "roles"), "TEN-124", ["control-plan", "control-plane"]),
    "unknown property": (put(1, *FIRST, "colour"), "TEN-120", ["colour"]),
    "no serial": (drop(*FIRST, "serial"), "TEN-121", ["serial"]),
    "disk by its letter": (put("/dev/sda", *FIRST, "disks", 0, "id"), "TEN-123", ["/dev/sda", "by-id"]),
    "block with bits beyond": (put(["10.20.0.1/24"], "network", "hosts"), "TEN-126", ["10.20.0.1/24"]),
    "port as a text": (put("22", "hosts", 2, "ssh", "port"), "TEN-122", ["port"]),
    "MAC in capitals": (put("52:54:00:AA:00:01", *FIRST, "mac"), "TEN-123", ["52:54:00:AA:00:01"]),
    "half a key": (put("ssh-ed25519 AAAA", "hosts", 2, "hostKey"), "TEN-123", ["hostKey"]),
    "a signer that is a private key's name": (
        put({"signers": ["~/.ssh/id_ed25519"]}, "bundle"),
        "TEN-123",
        ["signers"],
    ),
    "a bundle that nobody signs": (put({"signers": []}, "bundle"), "TEN-125", ["bundle.signers"]),
    "root's shell as account": (put("ops;id", "management", "account"), "TEN-123", ["ops;id"]),
}


def write(folder: Path, document: dict[str, Any]) -> Path:
    file = folder / "onprem.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return file


def test_a_good_inventory_is_read(tmp_path: Path) -> None:
    inventory = read_inventory(write(tmp_path, good()))
    assert [one.name for one in inventory.spec.hosts] == ["host-1", "host-2", "host-3", "host-4", "host-5"]


def test_workers_may_be_of_a_control_plane_that_is_elsewhere(tmp_path: Path) -> None:
    document = good()
    document["spec"]["hosts"] = [host(4, "worker")]
    del document["spec"]["network"]["virtualAddress"], document["spec"]["provision"]
    with pytest.raises(InputError, match=r"TEN-706 there are workers[\s\S]*worker_api_server"):
        read_inventory(write(tmp_path, document))
    document["spec"]["settings"]["worker"] = {"worker_api_server": "https://10.20.0.250:6443"}
    assert [one.name for one in read_inventory(write(tmp_path, document)).spec.hosts] == ["host-4"]


@pytest.mark.parametrize("name", BAD)
def test_a_bad_inventory_is_refused(name: str, tmp_path: Path) -> None:
    change, code, said = BAD[name]
    document = copy.deepcopy(good())
    change(document["spec"])
    file = write(tmp_path, document)
    with pytest.raises(InputError) as refused:
        read_inventory(file)
    found = [one for one in refused.value.problems if one.code == code]
    assert any(all(part in f"{one.message} {one.fix}" for part in said) for one in found), str(refused.value)
    assert all(one.file == str(file) and one.line and one.fix for one in refused.value.problems)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    document = good()
    for change in (put("r07", *FIRST, "rack"), put("CZJ1", "hosts", 3, "serial"), put("10.9.0.1", *FIRST, "address")):
        change(document["spec"])
    with pytest.raises(InputError) as refused:
        read_inventory(write(tmp_path, document))
    assert {one.code for one in refused.value.problems} == {"TEN-700", "TEN-701", "TEN-703"}


def second(**network: object) -> dict[str, Any]:
    document = good()
    document["metadata"]["name"] = document["spec"]["site"] = "north"
    document["spec"]["network"] |= network
    return document


@pytest.mark.parametrize(
    ("network", "number", "said"),
    [
        ({"virtualAddress": "10.20.0.101"}, None, ["the virtual router 51", "onprem's already"]),
        ({}, 52, ["the virtual address 10.20.0.100 is onprem's already"]),
        ({"virtualAddress": "10.20.0.101"}, 52, []),
    ],
)
def test_two_sites_in_one_network_have_their_own_routers(
    network: dict[str, object], number: int | None, said: list[str], tmp_path: Path
) -> None:
    other = second(**network)
    if number:
        other["spec"]["settings"]["controlplane"] = {"controlplane_router_id": number}
    file = tmp_path / "both.yaml"
    file.write_text(yaml.safe_dump_all([good(), other]))
    command = [sys.executable, "-m", "tenantry", "check", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ("TEN-764" in done.stdout + done.stderr) == bool(said)
    assert all(part in done.stdout + done.stderr for part in said)


def test_a_file_without_an_inventory_is_refused(tmp_path: Path) -> None:
    request = Path(__file__).parents[2] / "stacks" / "example" / "tenants" / "laa-portal.yaml"
    with pytest.raises(InputError, match="TEN-720"):
        read_inventory(request)


def test_a_limit_that_no_host_matches_is_refused(tmp_path: Path) -> None:
    inventory = read_inventory(write(tmp_path, good()))
    check_limit(inventory, ["host-4"])
    hosts: Any = to_ansible(inventory, None, tmp_path / "known_hosts", ["host-4"])
    # What it is told of its cluster is of all hosts.
    assert {name: len(one["site_etcd"]) for name, one in hosts["all"]["hosts"].items()} == {"host-4": 3}
    with pytest.raises(InputError, match=r"TEN-721 .* no host hots-4[\s\S]*host-4"):
        check_limit(inventory, ["hots-4"])


def test_the_command_refuses_and_starts_nothing(tmp_path: Path) -> None:
    document = good()
    document["spec"]["hosts"][3]["serial"] = "CZJ1"
    command = [sys.executable, "-m", "tenantry", "hosts", "prepare", str(write(tmp_path, document))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == Exit.INPUT
    assert "TEN-700 host-4: the serial CZJ1 is host-1's already" in done.stderr
    assert done.stdout == ""


def test_ansible_is_told_of_a_host_s_own_address_key_and_settings(tmp_path: Path) -> None:
    document = good()
    document["spec"]["hosts"][3]["settings"] = {"baseline": {"baseline_load": ["zfs"]}}
    inventory = read_inventory(write(tmp_path, document))
    hosts: Any = to_ansible(inventory, Path("/keys/ops"), Path("/run/known"))
    third, fourth = (hosts["all"]["hosts"][name] for name in ("host-3", "host-4"))
    assert (third["ansible_host"], third["ansible_port"]) == ("10.20.0.3", 2203)
    assert "UserKnownHostsFile=/run/known" in third["ansible_ssh_common_args"]
    assert "UserKnownHostsFile" not in fourth["ansible_ssh_common_args"]
    assert fourth["baseline_sysctl"] == {"vm.swappiness": "10"}
    assert fourth["baseline_load"] == ["zfs"]
    assert "baseline_load" not in third
    assert to_known_hosts(inventory) == f"[10.20.0.3]:2203 {KEY}\n"


def test_ansible_is_told_of_the_disks_that_volumes_are_made_of(tmp_path: Path) -> None:
    document = good()
    document["spec"]["hosts"][4]["disks"][1]["wipe"] = "ZL2A7Q4M"
    hosts: Any = to_ansible(read_inventory(write(tmp_path, document)), None, Path("/run/known"))
    assert hosts["all"]["hosts"]["host-1"]["host_storage"] == []
    told = {"purpose": "data", "serial": "ZL2A7Q4M", "wipe": "ZL2A7Q4M"}
    assert hosts["all"]["hosts"]["host-5"]["host_storage"] == [{"id": "/dev/disk/by-id/wwn-0x5000c500a1b2c3f1", **told}]


@pytest.mark.parametrize(
    ("text", "mode", "said"),
    [
        ("a" * 20 + "\n", 0o640, "is open to others, with mode 0640"),
        ("a" * 19, 0o600, "doesn't hold one line of 20 to 512 characters"),
        ("a" * 20 + "\nb", 0o600, "doesn't hold one line"),
        ("", 0o600, "doesn't hold one line"),
        (None, 0o700, "can't be read"),
    ],
)
def test_a_passphrase_that_is_not_kept_as_one_is_refused(
    text: str | None, mode: int, said: str, tmp_path: Path
) -> None:
    kept = tmp_path / "safe"
    if text is None:
        kept.mkdir()
    else:
        kept.write_text(text)
    kept.chmod(mode)
    document = good()
    document["spec"]["settings"] = {"storage": {"storage_recovery_file": str(kept)}}
    with pytest.raises(InputError, match="TEN-754") as refused:
        judge_recovery(read_inventory(write(tmp_path, document)))
    assert said in str(refused.value)
    assert not text or text.strip() not in str(refused.value)


def test_a_passphrase_is_right_or_not_there(tmp_path: Path) -> None:
    document = good()
    document["spec"]["hosts"][0]["settings"] = {"storage": {"storage_recovery_file": str(tmp_path / "safe")}}
    inventory = read_inventory(write(tmp_path, document))
    judge_recovery(inventory)
    (tmp_path / "safe").write_text("a" * 20 + "\n")
    (tmp_path / "safe").chmod(0o600)
    judge_recovery(inventory)


def test_what_a_role_is_told_is_its_own_or_its_host_s() -> None:
    for role, options in role_options().items():
        assert {name.partition("_")[0] for name in options} <= {role, "host", "site"}


def test_the_inventory_of_the_documentation_is_right(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "hosts.md").read_text()
    file = tmp_path / "onprem.yaml"
    file.write_text(page.partition("```yaml\n")[2].partition("```")[0])
    assert [host.name for host in read_inventory(file).spec.hosts] == ["host-1"]
