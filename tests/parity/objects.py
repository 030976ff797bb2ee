"""The families `objects` and `updates`: what is made of an object, and what the workload policies say of it."""

import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from typing import Any

import yaml
from apiserver import ApiServer, Manifest
from casework import ADMINISTRATOR
from differing import find_differing
from generated import generate
from place import CLASSES, Place, tenant_namespace, warning_baseline

from parity.looks import PARTS, make_looks, name_looker
from parity.mutate import KINDS, Change, apply, changes, list_sound
from parity.outcome import Agreement, Outcome, compare_safely, disagree
from parity.said import compare_said, read_answer, read_findings
from parity.shapes import load_shapes
from tenantry.policy.admission.judge import Judge
from tenantry.policy.cel.library.authorization import Subject
from tenantry.policy.kinds.table import find_resource
from tenantry.policy.objects.prepare import Prepared, prepare_request

_LOOKERS = {part: Subject(name_looker(part), ["system:masters", "system:authenticated"]) for part in PARTS}
# A quota or a range that lives in the namespace would decide about all other objects.
_NOT_LIVE = {"ResourceQuota", "LimitRange"}
_LIVE_OF_A_KIND = 3


class Objects:
    """Objects that are created."""

    def __init__(self, place: Place) -> None:
        self.place, self.server, self.cluster = place, place.server, place.policies.cluster
        self.judge = Judge(place.policies.policies, self.cluster)
        self.sound = list_sound()
        self.strategy = changes(load_shapes(place.server), self.sound, KINDS)

    def list_examples(self, count: int, seed: int) -> list[Change]:
        return generate(self.strategy, count, seed)

    def compare(self, examples: Sequence[Change]) -> Iterator[Outcome]:
        return (compare_safely(self._compare, example) for example in examples)

    def show(self, example: Change) -> str:
        manifest = apply(self.sound[example.kind][example.index], example.edits)
        return f"# {example}\n{yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True)}"

    def _compare(self, example: Change) -> Outcome:
        manifest = put(apply(self.sound[example.kind][example.index], example.edits), self.place.name)
        answer = self.server.try_create(manifest)
        prepared = self._prepare(manifest, ADMINISTRATOR)
        outcome = compare_said(answer, prepared, self.judge.judge(prepared))
        if not outcome.agrees or prepared.refused:
            return outcome
        assert prepared.request.object is not None
        if answer.status == 201 and (differing := find_differing(answer.body, prepared.request.object)):
            return _differ(example.kind, differing, answer.body, prepared.request.object)
        return self._compare_looks(manifest, None, ("whole", "pods")) or outcome

    def _compare_looks(self, manifest: Manifest, old: Manifest | None, parts: Sequence[str]) -> Outcome | None:
        for part in parts:
            server = self.server.act_as(name_looker(part))
            answer = server.try_create(manifest) if old is None else server.try_update(manifest)
            found = self.judge.judge(self._prepare(manifest, _LOOKERS[part], old))
            theirs, ours = read_answer(answer).denied, read_findings(found.findings).denied
            if theirs != ours:
                return disagree(f"what {manifest['kind']} looks like to policies, {part}", *map(sorted, (theirs, ours)))
        return None

    def _prepare(self, manifest: Manifest, subject: Subject, old: Manifest | None = None) -> Prepared:
        operation = "CREATE" if old is None else "UPDATE"
        return prepare_request(manifest, self.cluster, operation=operation, old=old, subject=subject, dry_run=True)


class Updates(Objects):
    """Live objects that are changed."""

    def __init__(self, place: Place, live: dict[str, list[Manifest]]) -> None:
        super().__init__(place)
        self.sound = live
        kinds = [kind for kind in KINDS if live.get(kind)]
        self.strategy = changes(load_shapes(place.server), live, kinds)

    def _compare(self, example: Change) -> Outcome:
        sound = self.sound[example.kind][example.index]
        for _ in range(5):
            old = self.server.request("GET", self.server.path(sound, name=True)).body
            old["metadata"].pop("managedFields", None)
            try:
                manifest = apply(old, example.edits)
            except (KeyError, IndexError, TypeError):
                return Outcome(Agreement.NOT_COMPARABLE, "the live object has no such part")
            answer = self.server.try_update(manifest)
            if answer.status != 409:
                break
        prepared = self._prepare(manifest, ADMINISTRATOR, old)
        outcome = compare_said(answer, prepared, self.judge.judge(prepared))
        if not outcome.agrees or prepared.refused:
            return outcome
        return self._compare_looks(manifest, old, ("whole", "old")) or outcome


def put(manifest: Manifest, namespace: str) -> Manifest:
    """An object in a namespace, where its kind lies in one."""
    resource = find_resource(manifest["apiVersion"], manifest["kind"])
    assert resource is not None
    placed = {"namespace": namespace} if resource.namespaced else {}
    metadata = {key: value for key, value in (manifest.get("metadata") or {}).items() if key != "namespace"}
    return {**manifest, "metadata": {**metadata, **placed}}


def _differ(kind: str, differing: set[str], theirs: Manifest, ours: Manifest) -> Outcome:
    path = min(differing)
    return disagree(f"what is made of {kind}: {path}", _read(theirs, path), _read(ours, path))


def _read(manifest: Manifest, path: str) -> object:
    """The value at a path such as `spec.containers[0].image`; nothing where there is none."""
    value: Any = manifest
    for key in path.replace("[", ".").replace("]", "").split("."):
        if isinstance(value, list) and int(key) < len(value):
            value = value[int(key)]
        elif isinstance(value, dict) and key in value:
            value = value[key]
        else:
            return "nothing"
    return value


@contextmanager
def open_place(server: ApiServer) -> Iterator[Place]:
    """A tenant's namespace with the workload policies in force, and the looks."""
    documents = [*warning_baseline(), *make_looks()]
    with server.hold(*CLASSES, *documents), tenant_namespace(server, documents) as place:
        yield place


@contextmanager
def hold_live(server: ApiServer, place: Place) -> Iterator[dict[str, list[Manifest]]]:
    """Some sound objects of each kind, made for as long as it takes."""
    live: dict[str, list[Manifest]] = {}
    with ExitStack() as stack:
        for kind, manifests in list_sound().items():
            for manifest in manifests:
                named = deepcopy(put(manifest, place.name))
                named["metadata"]["name"] = f"live-{kind.lower()}-{len(live.get(kind, ()))}-{uuid.uuid4().hex[:4]}"
                if kind in _NOT_LIVE or len(live.get(kind, ())) == _LIVE_OF_A_KIND:
                    break
                if server.try_create(named).status == 201:
                    stack.enter_context(server.hold(named))
                    live.setdefault(kind, []).append(named)
        yield live
