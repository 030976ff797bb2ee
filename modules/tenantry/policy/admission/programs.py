"""A policy's programs: what its expressions are made to, and run as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenantry.policy.cel.engine import NAMES

if TYPE_CHECKING:
    from tenantry.policy.cel.syntax.tree import Node


class Expression:
    """One expression: its text as it was written, its tree, and its program; each of the two is made of the other."""

    __slots__ = ("_node", "_program", "text")

    def __init__(self, text: str, node: Node | None = None, program: bytes = b"") -> None:
        self.text, self._node, self._program = text, node, program

    @property
    def node(self) -> Node:
        """The tree, with its variables around it."""
        if self._node is None:
            from tenantry.policy.cel.syntax.wire import decode_parsed

            self._node, _ = decode_parsed(self._program)
        return self._node

    @property
    def program(self) -> bytes:
        """The program, as the engine takes it."""
        if not self._program and self._node is not None:
            from tenantry.policy.cel.syntax.wire import encode_parsed

            self._program = encode_parsed(self._node)
        return self._program


_OF_REQUESTS = frozenset(NAMES) - {"params", "namespaceObject"}


@dataclass(frozen=True, slots=True)
class Programs:
    """All of a policy.

    `minor` is the minor version of Kubernetes 1.x that takes the policy first. `all_well` gives true where nothing is
    to be said of a request: most requests are done with this one program. `names` are what the policy asks for, and
    `namespace_reads` the paths of what it reads of the namespace's document; `asks_server` tells that it asks for
    something that only a server fills in.
    """

    minor: int
    conditions: tuple[Expression, ...]
    validations: tuple[Expression, ...]
    messages: tuple[Expression | None, ...]
    annotations: tuple[Expression, ...]
    all_well: Expression
    names: frozenset[str]
    namespace_reads: tuple[tuple[str, ...], ...]
    asks_server: bool

    @property
    def are_fixed(self) -> bool:
        """Whether they say the same of every object of a namespace: they read only parameters and the namespace."""
        return self.names.isdisjoint(_OF_REQUESTS)
