"""Upgrades of hosts: what is refused, in which order hosts come, and what is kept of how far a run is."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.contract.model import Inventory
from tenantry.contract.structure import structure
from tenantry.hosts.upgrade.journal import FILE, Journal, forget_journal, read_journal, write_journal
from tenantry.hosts.upgrade.judging import hosts_to_see, judge
from tenantry.hosts.upgrade.plan import Asked, Phase, Situation, plan
from tenantry.hosts.upgrade.seen import Ill, Node, Program, Seen, minors_apart, programs_of, release
from tenantry.hosts.words import Reboot
from tenantry.problems import InputError

SERVERS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
TARGET = {"etcd": "3.6.6", **dict.fromkeys(SERVERS, "1.37.2"), "kubelet": "1.37.2", "kube-proxy": "1.37.2"}
OLD = {"etcd": "3.6.4", **dict.fromkeys(SERVERS, "1.36.3"), "kubelet": "1.36.3", "kube-proxy": "1.36.3"}
NONE = Journal(TARGET)


def inventory(*roles: str) -> Inventory:
    """Make an inventory of hosts with these roles, each a text with commas."""
    hosts = [
        {
            "name": f"host-{number}",
            "roles": one.split(","),
            "rack": "r01",
            "address": f"10.20.0.{number}",
            "mac": f"52:54:00:00:00:{number:02x}",
            "serial": f"CZJ{number}",
            "disks": [{"id": f"/dev/disk/by-id/wwn-0x5000c500a1b2c3{number:02x}", "purpose": "system"}],
        }
        for number, one in enumerate(roles, 1)
    ]
    spec: dict[str, Any] = {
        "site": "onprem",
        "offline": True,
        "racks": [{"name": "r01"}],
        "management": {"account": "ops", "networks": ["10.20.254.0/24"]},
        "network": {"hosts": ["10.20.0.0/24"], "pods": ["10.128.0.0/14"], "services": ["10.96.0.0/16"]},
        "time": {"servers": ["ntp1.gov.example"]},
        "hosts": hosts,
    }
    return structure({"metadata": {"name": "onprem"}, "spec": spec}, Inventory)


SITE = inventory(
    "worker", "control-plane", "control-plane,etcd", "etcd", "etcd", "control-plane,worker", "object-store"
)


def seen(versions: Mapping[str, str], site: Inventory = SITE, **more: Any) -> dict[str, Seen]:  # noqa: ANN401
    """See all hosts with programs in these versions."""
    return {
        host.name: Seen({one: Program(versions[one], versions[one]) for one in programs_of(site, host)}, **more)
        for host in site.spec.hosts
    }


def nodes(**changed: Node) -> dict[str, Node]:
    """Give the site's nodes, all well but those that are changed."""
    found = {name: Node(name, ready=True, cordoned=False, version="v1.36.3") for name in ("host-1", "host-6")}
    return {**found, **{node.name: node for node in changed.values()}}


def situation(has: Mapping[str, Seen], journal: Journal = NONE, **asked: Any) -> Situation:  # noqa: ANN401
    return Situation(SITE, has, Asked(TARGET, **asked), journal)


def told(now: Situation, known: Mapping[str, Node] | None = None) -> list[str]:
    return [f"{one.code} {one.message}" for one in judge(now, nodes() if known is None else known)]


def having(name: str, program: str, version: str, *, running: str | None = None) -> dict[str, Seen]:
    """See a host with one program in another version."""
    has = seen(OLD)
    programs = {**has[name].programs, program: Program(version, version if running is None else running)}
    return {**has, name: replace(has[name], programs=programs)}


def test_etcd_comes_before_the_control_plane_and_that_before_nodes() -> None:
    steps = plan(situation(seen(OLD)))
    assert [step.name for step in steps] == [
        "host-4/control",
        "host-5/control",
        "host-2/control",
        "host-3/control",
        "host-6/control",
        "host-1/node",
        "host-6/node",
    ]
    assert [step.host for step in steps if step.drained] == ["host-1", "host-6"]
    assert [step.host for step in steps if not step.last] == ["host-6"]
    assert {(one.old, one.new) for one in steps[0].changes} == {("3.6.4", "3.6.6")}


def test_what_is_as_asked_has_no_step_but_for_a_boot_or_packages_that_wait() -> None:
    assert plan(situation(seen(TARGET))) == ()
    waiting = {**seen(TARGET), "host-7": Seen({}, waiting=("package tzdata: 1 to 2",))}
    assert [step.name for step in plan(situation(waiting))] == ["host-7/node"]
    pending = seen(TARGET, reasons=("the kernel 6.1.0-18 runs, and 6.1.0-20 is installed",))
    assert len(plan(situation(pending))) == 7
    assert plan(situation(pending, reboot=Reboot.NEVER)) == ()
    assert [step.reboot for step in plan(situation(seen(TARGET), reboot=Reboot.ALWAYS))] == [("as asked",)] * 7


def test_a_host_that_was_begun_comes_first_and_is_booted_once() -> None:
    journal = Journal(TARGET, done=("host-4/control",), current="host-3/control", boot="a")
    has = seen(TARGET, boot="a")
    first, *others = plan(situation(has, journal, reboot=Reboot.ALWAYS))
    assert (first.name, first.reboot) == ("host-3/control", ("as asked",))
    assert "host-4" not in {step.host for step in others}
    booted = {**has, "host-3": replace(has["host-3"], boot="b")}
    first, *_ = plan(situation(booted, journal, reboot=Reboot.ALWAYS))
    assert (first.name, first.reboot) == ("host-3/control", ())


def test_what_runs_in_another_version_than_is_installed_is_not_done() -> None:
    (step,) = plan(situation({**seen(TARGET), "host-4": Seen({"etcd": Program("3.6.6", "3.6.4")})}))
    assert [(one.program, one.old) for one in step.changes] == [("etcd", "3.6.4")]


REFUSED = {
    "a newer etcd": (("host-4", "etcd", "3.7.0"), "TEN-770 host-4: etcd is 3.7.0, newer than 3.6.6"),
    "a newer patch": (("host-2", "kube-scheduler", "1.37.3"), "TEN-770 host-2: kube-scheduler is 1.37.3, newer"),
    "a newer kubelet": (("host-1", "kubelet", "1.38.0"), "TEN-770 host-1: kubelet is 1.38.0, newer than 1.37.2"),
    "a skipped minor": (("host-2", "kube-apiserver", "1.35.4"), "TEN-771 host-2: kube-apiserver is 1.35.4"),
    "a skipped minor of etcd": (("host-4", "etcd", "3.4.30"), "TEN-771 host-4: etcd is 3.4.30, and 3.6.6 would skip"),
    "another major": (("host-4", "etcd", "2.3.8"), "TEN-771 host-4: etcd is 2.3.8"),
    "an old kubelet": (("host-1", "kubelet", "1.33.9"), "TEN-772 host-1: kubelet is 1.33.9, more than 3 minor"),
    "an old proxy": (("host-6", "kube-proxy", "1.33.9"), "TEN-772 host-6: kube-proxy is 1.33.9, more than 3 minor"),
    "nothing installed": (("host-5", "etcd", ""), "TEN-779 host-5: etcd isn't installed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_can_not_be_upgraded_is_refused_with_host_key_and_value(case: str) -> None:
    change, said = REFUSED[case]
    found = told(situation(having(*change)))
    assert found
    assert all(one.startswith(said) for one in found)


def test_all_is_refused_at_once() -> None:
    has = {**having("host-4", "etcd", "3.7.0"), "host-2": Seen({**seen(OLD)["host-2"].programs}, (Ill("a", "b", "c"),))}
    cordoned = nodes(one=Node("host-1", ready=False, cordoned=True, version="v1.36.3"))
    assert [one.split(":")[0] for one in told(situation(has), cordoned)] == [
        "TEN-770 host-4",
        "TEN-773 host-2",
        "TEN-773 host-1",
        "TEN-774 host-1",
    ]


def test_what_is_a_minor_version_older_or_a_kubelet_three_is_taken() -> None:
    assert told(situation(seen(OLD))) == []
    assert told(situation(having("host-1", "kubelet", "1.34.0"))) == []
    assert told(situation(having("host-2", "kube-apiserver", "1.37.2", running="1.36.3"))) == []


def test_a_kubelet_is_never_newer_than_an_api_server_that_is_left_out() -> None:
    found = told(situation(seen(OLD), limit=["host-1"]))
    assert [one.split(" would be")[0] for one in found[:1]] == ["TEN-772 host-1: kubelet 1.37.2"]
    assert {one.rpartition(" ")[2] for one in found} == {"host-2", "host-3", "host-6"}
    assert told(situation(seen({**OLD, **dict.fromkeys(SERVERS, "1.37.2")}), limit=["host-1"])) == []


def test_a_host_that_was_begun_may_be_ill_and_no_other() -> None:
    ill = (Ill("etcd.service", "failed", "the service doesn't run"),)
    has = {**seen(OLD), "host-4": replace(seen(OLD)["host-4"], ill=ill)}
    assert told(situation(has)) == ["TEN-773 host-4: etcd.service failed: the service doesn't run"]
    begun = Journal(TARGET, current="host-4/control")
    assert told(situation(has, begun)) == []
    assert [one[:15] for one in told(situation(has, begun, limit=["host-2"]))] == ["TEN-773 host-4:"]
    assert told(situation(has, Journal(TARGET, current="host-3/control"))) != []


def test_a_node_is_cordoned_by_the_run_that_was_cut_off_or_refused() -> None:
    cordoned = nodes(one=Node("host-1", ready=True, cordoned=True, version="v1.36.3"))
    assert [one[:7] for one in told(situation(seen(OLD)), cordoned)] == ["TEN-774"]
    ours = Journal(TARGET, current="host-1/node", cordoned=("host-1",))
    assert told(situation(seen(OLD), ours), cordoned) == []
    assert [one[:7] for one in told(situation(seen(OLD)), {})] == ["TEN-773", "TEN-773"]


def test_all_that_hold_the_cluster_together_are_looked_at() -> None:
    assert hosts_to_see(SITE, ["host-7"]) == ("host-2", "host-3", "host-4", "host-5", "host-6", "host-7")
    assert len(hosts_to_see(SITE, ())) == 7


VERSIONS = st.sampled_from(["1.36.0", "1.36.3", "1.37.0", "1.37.2"])


@given(st.data())
def test_steps_one_after_the_other_end_as_asked_and_no_kubelet_is_ever_newer_than_an_api_server(
    data: st.DataObject,
) -> None:
    servers, etcd = data.draw(VERSIONS), data.draw(st.sampled_from(["3.5.9", "3.6.6"]))
    kubelets = st.sampled_from([one for one in ("1.34.0", "1.36.0", "1.37.2") if release(one) <= release(servers)])
    has = {
        host.name: Seen(
            {
                one: Program(version, version)
                for one in programs_of(SITE, host)
                for version in [
                    etcd if one == "etcd" else servers if one.startswith("kube-") and one != "kube-proxy" else ""
                ]
                if version
            }
            | {one: Program(old, old) for one in ("kubelet", "kube-proxy") for old in [data.draw(kubelets)]}
        )
        for host in SITE.spec.hosts
    }
    journal, names = NONE, []
    while steps := plan(situation(has, journal)):
        names.append(steps[0].name)
        programs = {one.program: Program(one.new, one.new) for one in steps[0].changes}
        has[steps[0].host] = replace(has[steps[0].host], programs={**has[steps[0].host].programs, **programs})
        journal = journal.begin(steps[0].name, "").finish("")
        running = {
            name: {release(host.programs[name].running) for host in has.values() if name in host.programs}
            for name in ("kube-apiserver", "kubelet")
        }
        if steps[0].phase is Phase.NODE:
            assert max(running["kubelet"]) <= min(running["kube-apiserver"])
    assert len(names) == len(set(names))
    assert all(
        host.programs[one].running == TARGET[one]
        for name, host in has.items()
        for one in programs_of(SITE, next(found for found in SITE.spec.hosts if found.name == name))
    )


def test_minor_versions_are_counted_within_a_major_one() -> None:
    assert minors_apart("1.36.3", "v1.37.2") == 1
    assert minors_apart("1.37.2", "1.36.3") == -1
    assert minors_apart("2.3.8", "3.4.0") is None
    assert minors_apart("", "3.4.0") is None


TEXTS = st.text("abc-./123", max_size=12)
JOURNALS = st.builds(
    Journal,
    st.dictionaries(TEXTS, TEXTS, max_size=3),
    st.lists(TEXTS, max_size=3).map(tuple),
    TEXTS,
    TEXTS,
    st.lists(TEXTS, max_size=3, unique=True).map(tuple),
)


@given(JOURNALS)
def test_a_journal_is_read_as_it_was_kept_by_its_owner_alone(tmp_path_factory: Any, journal: Journal) -> None:  # noqa: ANN401
    folder: Path = tmp_path_factory.mktemp("site")
    assert read_journal(folder) is None
    write_journal(folder, journal)
    assert read_journal(folder) == journal
    assert (folder / FILE).stat().st_mode & 0o777 == 0o600
    forget_journal(folder)
    assert read_journal(folder) is None
    forget_journal(folder)


@given(JOURNALS, TEXTS, TEXTS)
def test_a_step_is_done_when_it_has_ended_and_no_sooner(journal: Journal, step: str, node: str) -> None:
    begun = journal.begin(step, "boot").cordon(node)
    assert begun.current == step
    assert node in begun.cordoned
    assert begun.begin(step, "another boot") == begun
    ended = begun.finish(node)
    assert (ended.current, ended.done[-1]) == ("", step)
    assert set(ended.cordoned) == set(journal.cordoned) - {node}


def test_a_journal_of_other_versions_keeps_what_was_begun_and_who_is_cordoned() -> None:
    kept = Journal({"etcd": "3.6.5"}, ("host-4/control",), "host-5/control", "a", ("host-1",))
    assert kept.aimed_at({"etcd": "3.6.5"}) == kept
    assert kept.aimed_at(TARGET) == replace(kept, target=TARGET, done=())


@pytest.mark.parametrize("text", ["", "{", "[]", '{"done": 3}', "null"])
def test_a_journal_that_can_not_be_read_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(InputError) as refused:
        read_journal(tmp_path)
    assert [one.code for one in refused.value.problems] == ["TEN-775"]
