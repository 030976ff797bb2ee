"""Programs put together: an expression with its variables, a policy with others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from tenantry.policy.admission.programs import Programs
from tenantry.policy.cel.checking.check import VARIABLES
from tenantry.policy.cel.compile import Compiled
from tenantry.policy.cel.deep import TOO_DEEP
from tenantry.policy.cel.engine import MOST_LEVELS
from tenantry.policy.cel.syntax.macros import map_children
from tenantry.policy.cel.syntax.tree import (
    Call,
    Comprehension,
    Const,
    Ident,
    MapLiteral,
    Node,
    bind_name,
    iterate_nodes,
)
from tenantry.policy.cel.syntax.wire import encode_parsed
from tenantry.policy.cel.unknowns import guard_unknowns

# Each is a level of nesting, of which the engine reads only so many.
_MOST_SHARED = 16


def _close_uses(uses: Iterable[str], variables: Mapping[str, Compiled | None]) -> set[str]:
    """Variables with those that they use in turn."""
    found: set[str] = set()
    pending = list(uses)
    while pending:
        name = pending.pop()
        variable = variables.get(name)
        if name not in found and variable is not None:
            found.add(name)
            pending.extend(variable.uses)
    return found


def bind_variables(node: Node, uses: Iterable[str], variables: Mapping[str, Compiled | None]) -> Node:
    """An expression with its variables around it: each is evaluated once, and only where it's reached."""
    needed = _close_uses(uses, variables)
    if len(needed) > MOST_LEVELS:
        return TOO_DEEP
    for name, variable in reversed(list(variables.items())):
        if name in needed and variable is not None:
            node = bind_name(f"{VARIABLES}.{name}", variable.node, node)
    return node


def join_checks(nodes: Sequence[Node]) -> Node:
    """All of several expressions, in halves: the engine doesn't read what is nested as deep as they are many."""
    if not nodes:
        return Const(0, "bool", True)
    if len(nodes) == 1:
        return nodes[0]
    middle = len(nodes) // 2
    return Call(0, None, "_&&_", (join_checks(nodes[:middle]), join_checks(nodes[middle:])))


def join_programs(programs: Sequence[Programs], *, wary: bool = False) -> bytes:
    """One program that gives true where none of several policies has anything to say; `wary` as `guard_programs` is."""
    joined = _share_variables([one.all_well.node for one in programs])
    return encode_parsed(guard_unknowns(joined) if wary else joined)


def _share_variables(nodes: Sequence[Node]) -> Node:
    """All of several policies' programs, with the variables that more than one of them has evaluated once."""
    counts = Counter(_strip_ids(init) for node in nodes for _, init in _unbind(node)[0] if _stands_alone(init))
    common = [init for init, count in counts.most_common(_MOST_SHARED) if count > 1]
    names = {init: f"@shared{place}" for place, init in enumerate(common)}
    joined = join_checks([_refer(node, names) for node in nodes])
    for init, name in names.items():
        joined = bind_name(name, init, joined)
    return joined


def _unbind(node: Node) -> tuple[list[tuple[str, Node]], Node]:
    """A policy's variables that stand around its program, and the program within."""
    found = []
    while isinstance(node, Comprehension) and node.accumulator.startswith(f"{VARIABLES}."):
        found.append((node.accumulator, node.initial))
        node = node.result
    return found, node


def _stands_alone(node: Node) -> bool:
    """Whether an expression uses no variables."""
    return not any(isinstance(one, Ident) and one.name.startswith(f"{VARIABLES}.") for one in iterate_nodes(node))


def _refer(node: Node, names: Mapping[Node, str]) -> Node:
    """A policy's program that takes from others what has a name among them."""
    bound, node = _unbind(node)
    own = [(name, init, names.get(_strip_ids(init))) for name, init in bound]
    for name, init, shared in reversed(own):
        node = _rename(node, name, shared) if shared is not None else bind_name(name, init, node)
    return node


def _rename(node: Node, name: str, other: str) -> Node:
    if isinstance(node, Ident):
        return replace(node, name=other) if node.name == name else node
    return map_children(node, lambda child: _rename(child, name, other))


def _strip_ids(node: Node) -> Node:
    """An expression as one that says the same elsewhere is."""
    changed = replace(map_children(node, _strip_ids), id=0)
    if isinstance(changed, MapLiteral):
        return replace(changed, entries=tuple(replace(entry, id=0) for entry in changed.entries))
    return changed
