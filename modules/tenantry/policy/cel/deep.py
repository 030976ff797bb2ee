"""What stands for an expression that is nested too deep for the engine."""

from tenantry.policy.cel.library.marks import UNDECIDABLE
from tenantry.policy.cel.syntax.tree import Call, Const

TOO_DEEP = Call(0, None, "fail", (Const(0, "string", f"{UNDECIDABLE} an engine that reads what is nested so deep"),))
"""An expression that is undecidable, for it is more than the engine reads."""
