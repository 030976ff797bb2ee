"""What was looked at and seen: inventory items, observations, risks, and the findings that sum them up."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tenantry.check.formats.oscal.objectives import Objective
from tenantry.check.formats.oscal.parts import Ids, Part, drop_empty, make_props, refer_to
from tenantry.check.formats.printable import make_markdown
from tenantry.check.report import Looked, Result
from tenantry.policy import Verdict


def write_time(moment: datetime) -> str:
    """Write a moment, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass
class Tally:
    """How many objects a policy was evaluated for and passed, and how many results it had by what they say."""

    judged: int = 0
    passed: int = 0
    said: Counter[str] = field(default_factory=Counter)

    @property
    def reason(self) -> str:
        """Why an objective is satisfied or not, in NIST's words; what can't be decided is neither pass nor fail."""
        if self.said.total() > self.said[Verdict.UNDECIDABLE.value]:
            return "fail"
        return "pass" if self.judged and self.judged == self.passed and not self.said else "other"

    def __str__(self) -> str:
        """Say it as a sentence."""
        parts = [f"{self.passed} passed", *(f"{count} {what}" for what, count in sorted(self.said.items()))]
        return f"Evaluated for {self.judged}: {', '.join(parts)}."


@dataclass
class Made:
    """What was made so far, for what refers to it; observations, risks and tallies by policy."""

    begun: datetime
    ended: datetime
    ids: Ids = field(default_factory=Ids)
    items: dict[Looked, Part] = field(default_factory=dict)
    observations: dict[str, list[Part]] = field(default_factory=lambda: defaultdict(list))
    risks: dict[str, list[Part]] = field(default_factory=lambda: defaultdict(list))
    tallies: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))

    def __post_init__(self) -> None:
        """Name what everything refers to."""
        self.plan, self.tool, self.platform = (self.ids.give(name) for name in ("plan", "tool", "platform"))
        self.origins = [{"actors": [{"type": "tool", "actor-uuid": self.tool}]}]

    def observe_all(self, found: Mapping[Looked, Sequence[Result]]) -> None:
        """Make an item of all that was looked at, and an observation of each result and of what each policy passed."""
        passed: dict[str, list[Part]] = defaultdict(list)
        for looked, results in found.items():
            if looked.file or looked.object.kind:
                self.items[looked] = self._list_item(looked)
            subjects = [self.items[looked]] if looked in self.items else []
            for one in results:
                self._observe(one, subjects)
            for policy in looked.judged:
                self.tallies[policy].judged += 1
            for policy in looked.passed:
                passed[policy] += subjects
        for policy, items in sorted(passed.items()):
            self._observe_passed(policy, items)

    def conclude(self, objective: Objective) -> Part:
        """Make the finding of an objective."""
        policy = objective.policy
        tally = self.tallies[policy]
        title = make_markdown(f"What {policy} says of {objective.control}")
        target = {
            "type": "objective-id",
            "target-id": objective.id,
            "title": title,
            "status": {"state": "satisfied" if tally.reason == "pass" else "not-satisfied", "reason": tally.reason},
        }
        observed = [{"observation-uuid": one["uuid"]} for one in self.observations.get(policy, ())]
        risks = [{"risk-uuid": one["uuid"]} for one in self.risks.get(policy, ())]
        return drop_empty(
            {
                "uuid": self.ids.give("finding", objective.id),
                "title": title,
                "description": str(tally),
                "props": make_props(policy=policy, control=objective.control),
                "origins": self.origins,
                "target": target,
                "related-observations": observed,
                "related-risks": risks,
            }
        )

    def _list_item(self, looked: Looked) -> Part:
        name = looked.object
        place = f"{looked.file}:{looked.line}" if looked.line else looked.file
        what = str(name) or "the file"
        item = {
            # Where in its file it stands changes, and it is the same.
            "uuid": self.ids.give("item", name.api_version, name.kind, name.namespace, name.name, looked.file),
            "description": make_markdown(f"Looked at: {what}, at {place}" if place else f"Looked at: {what}"),
            "props": make_props(
                api_version=name.api_version,
                kind=name.kind,
                namespace=name.namespace,
                name=name.name,
                file=looked.file,
                line=looked.line,
            ),
        }
        return drop_empty(item)

    def _observe(self, one: Result, subjects: Sequence[Part]) -> None:
        self.tallies[one.policy].said["waived" if one.waiver is not None else one.verdict.value] += 1
        about = [one["uuid"] for one in subjects]
        uuid = self.ids.give("observation", one.policy, one.verdict, one.code, one.told, one.waiver or "", *about)
        verdict = f"{one.verdict.value} by the waiver {one.waiver}" if one.waiver is not None else one.verdict.value
        observation = {
            "uuid": uuid,
            "title": make_markdown(f"{one.policy}: {verdict}"),
            "description": make_markdown(f"{verdict}: {one.told}"),
            "props": make_props(
                policy=one.policy,
                layer=one.layer,
                verdict=one.verdict.value,
                code=one.code,
                waiver=one.waiver or "",
                line=one.line,
                column=one.column,
            ),
            "methods": ["TEST"],
            "types": ["control-objective"],
            "origins": self.origins,
            "subjects": refer_to(subjects),
            "collected": write_time(self.ended),
        }
        self.observations[one.policy].append(drop_empty(observation))
        if one.waiver is not None:
            self.risks[one.policy].append(self._accept(one, uuid))

    def _observe_passed(self, policy: str, items: Sequence[Part]) -> None:
        self.tallies[policy].passed = len(items)
        about = [one["uuid"] for one in items]
        observation = {
            "uuid": self.ids.give("passed", policy, *about),
            "title": make_markdown(f"{policy}: {Verdict.ALLOW.value}"),
            "description": f"Evaluated for {len(items)}, with nothing found against any.",
            "props": make_props(policy=policy, verdict=Verdict.ALLOW.value),
            "methods": ["TEST"],
            "types": ["control-objective"],
            "origins": self.origins,
            "subjects": refer_to(items),
            "collected": write_time(self.ended),
        }
        self.observations[policy].append(observation)

    def _accept(self, one: Result, observation: str) -> Part:
        return {
            "uuid": self.ids.give("risk", observation),
            "title": make_markdown(f"{one.policy} is waived by {one.waiver}"),
            "description": make_markdown(f"Waived: {one.told}"),
            "statement": make_markdown(f"The object passes by the waiver {one.waiver}, though {one.policy} isn't met."),
            "props": make_props(policy=one.policy, waiver=one.waiver or ""),
            "status": "deviation-approved",
            "origins": self.origins,
            "related-observations": [{"observation-uuid": observation}],
        }
