"""The family `expressions`: random ones over a pod, taken or refused, and their values."""

from collections.abc import Iterator, Sequence

from apiserver import ApiServer
from generated import accepts, compare_values, expressions, generate, make_policy

from parity.outcome import REFUSED, Agreement, Outcome, disagree


class Expressions:
    """Expressions of a validation."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.strategy = expressions()

    def list_examples(self, count: int, seed: int) -> list[str]:
        return list(dict.fromkeys(generate(self.strategy, count, seed)))

    def compare(self, examples: Sequence[str]) -> Iterator[Outcome]:
        taken: list[str] = []
        outcomes: dict[str, Outcome] = {}
        for one in examples:
            answer, ours = self.server.try_create(make_policy("generated", [one])), accepts(one)
            if (answer.status == 201) != ours:
                outcomes[one] = disagree("which expression is taken", f"{answer.status} {answer.message}", ours)
            elif ours:
                taken.append(one)
            else:
                outcomes[one] = REFUSED
        for one, theirs, ours in compare_values(self.server, taken):
            if ours == "undecidable":
                outcomes[one] = Outcome(Agreement.UNDECIDABLE, "an expression")
            elif theirs != ours:
                outcomes[one] = disagree(f"an expression: {theirs}, not {ours}", theirs, ours)
            else:
                outcomes[one] = Outcome(Agreement.AGREED, f"both say {ours}")
        yield from (outcomes[one] for one in examples)

    def show(self, example: str) -> str:
        return example
