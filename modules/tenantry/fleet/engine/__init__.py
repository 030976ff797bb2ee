"""Pulumi's engine, resident or stock, behind one class."""

from tenantry.fleet.engine.backend import Backend
from tenantry.fleet.engine.engine import PROJECT, RESIDENT, Engine
from tenantry.fleet.engine.resident import END_SECONDS
from tenantry.fleet.engine.results import Diagnostic, OnEvent, Result, StackLocked, UpdateFailed

__all__ = [
    "END_SECONDS",
    "PROJECT",
    "RESIDENT",
    "Backend",
    "Diagnostic",
    "Engine",
    "OnEvent",
    "Result",
    "StackLocked",
    "UpdateFailed",
]
