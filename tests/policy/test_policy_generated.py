"""Random expressions, each tried on our engine and on a real API server; `make parity` tries many more."""

from apiserver import ApiServer
from generated import accepts, compare_values, expressions, generate, make_policy

EXAMPLES, SEED = 120, 7


def test_a_server_and_our_engine_agree_on_random_expressions(server: ApiServer) -> None:
    tried = list(dict.fromkeys(generate(expressions(), EXAMPLES, SEED)))
    taken = [one for one in tried if accepts(one)]
    assert len(taken) > len(tried) // 2
    for one in tried:
        answer = server.try_create(make_policy("generated", [one]))
        assert (answer.status == 201) == (one in taken), f"{one}: {answer.message}"
    compared = list(compare_values(server, taken))
    assert [entry for entry in compared if entry[1] != entry[2]] == []
    assert {"true", "false", "error"} <= {theirs for _, theirs, _ in compared}
