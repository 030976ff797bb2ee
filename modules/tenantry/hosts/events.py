"""Turns what ansible-runner tells of tasks into outcomes of hosts."""

from collections.abc import Callable, Mapping
from typing import Any

from tenantry.contract.reading.document import printable
from tenantry.hosts.outcome import Action, HostOutcome, Step
from tenantry.problems import Problem, problem

LONGEST_SAID = 600
# Ansible's own first task of a role, which is run for roles that are left out, too.
_VALIDATION = "ansible.builtin.validate_argument_spec"
_AGAIN = "mend the cause, then run the same command again"


class Listener:
    """Gathers each host's outcome from events, and passes steps on as they come."""

    def __init__(self, hosts: Mapping[str, HostOutcome], progress: Callable[[Step], None]) -> None:
        self._hosts = hosts
        self._progress = progress

    def __call__(self, event: Mapping[str, Any]) -> bool:
        """Take one event; `False` would tell ansible-runner to keep it in a file, too."""
        data = event.get("event_data", {})
        one = self._hosts.get(data.get("host", ""))
        handler = _HANDLERS.get(event.get("event", ""))
        if one is not None and handler is not None:
            _answer_again(one)
            handler(one, data.get("role") or "", data)
            if data.get("task_action") == _VALIDATION:
                return False
            count = len(one.changes.get(data.get("role") or "", ()))
            self._progress(Step(one.host, data.get("role") or "", count))
        return False


def _answer_again(one: HostOutcome) -> None:
    """Forget that a host didn't answer: a role goes on with one where that was what it wanted to know."""
    if one.action is Action.UNREACHABLE:
        one.action = Action.CHANGED if one.count() else Action.UNCHANGED
        one.problems.pop()


def _ok(one: HostOutcome, role: str, data: Mapping[str, Any]) -> None:
    result = data.get("res", {})
    if "hostFacts" in result:
        one.facts = result["hostFacts"]
    if "bmc" in result:
        one.bmc = result["bmc"]
    one.seen = result.get("upgrade", one.seen)
    one.waiting += [printable(str(text)) for text in result.get("waiting", ())]
    one.needs = result.get("packages_needs", one.needs)
    one.notes += [printable(str(text)) for text in result.get("notes", ())]
    if result.get("changed"):
        _note(one, role, result.get("changes") or [data.get("task", "")])
        one.action = max(one.action, Action.CHANGED, key=list(Action).index)


def _note(one: HostOutcome, role: str, changes: list[str]) -> None:
    one.changes.setdefault(role, []).extend(printable(str(text)) for text in changes)


def _failed(one: HostOutcome, role: str, data: Mapping[str, Any]) -> None:
    if data.get("ignore_errors"):
        return
    result = data.get("res", {})
    if result.get("changes"):
        _note(one, role, result["changes"])
    if result.get("refused"):
        one.action = Action.REFUSED
        one.problems += [_refused(one.host, role, reason) for reason in result["refused"]]
        return
    one.action = Action.FAILED
    what = f"{one.host}: {role or 'the playbook'} failed at «{data.get('task', '')}»: {_why(result)}"
    one.problems.append(problem("TEN-724", what.rstrip("."), result.get("fix") or _AGAIN))


def _why(result: Mapping[str, Any]) -> str:
    said = _line(result.get("msg") or result.get("stderr") or "it says nothing")[:LONGEST_SAID]
    # Where a module ended without an answer, what sudo, Python or the kernel said is the cause; its end tells most.
    cause = _line(result.get("module_stderr") or result.get("module_stdout") or "")[-LONGEST_SAID:]
    return f"{said.rstrip('.')}; the host said: {cause}" if cause else said


def _line(text: object) -> str:
    return printable(" ".join(str(text).split()))


def _refused(host: str, role: str, reason: Mapping[str, str]) -> Problem:
    said = {name: printable(str(reason[name])) for name in ("key", "value", "what", "fix")}
    return problem("TEN-723", f"{host}: {role} refuses {said['key']} {said['value']}: {said['what']}", said["fix"])


def _unreachable(one: HostOutcome, _: str, data: Mapping[str, Any]) -> None:
    one.action = Action.UNREACHABLE
    said = printable(" ".join(str(data.get("res", {}).get("msg", "")).split()))[:LONGEST_SAID]
    what = f"{one.host} can't be reached: {said.rstrip('.')}"
    fix = "see that it runs, that its address, account and hostKey are right, and that your key is let in"
    one.problems.append(problem("TEN-722", what, fix))


_HANDLERS: Mapping[str, Callable[[HostOutcome, str, Mapping[str, Any]], None]] = {
    "runner_on_ok": _ok,
    "runner_on_failed": _failed,
    "runner_on_unreachable": _unreachable,
}
