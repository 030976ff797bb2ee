"""The policy pack as Pulumi's engine asks it: it tells of its policies, hears of each resource, and judges the stack.

Inputs are judged, as `tenantry check` judges manifests. The engine gives them one by one and wants its answer at the
end, for what a stack's resources turned out to be; so each is kept until then. In an update the end is too late: there
a resource is also judged before it is made, so that `pulumi up --skip-preview` is gated, too.

Pulumi's own library for packs (`pulumi-policy`) runs one policy at a time on values that raise where they aren't known,
and passes a policy that meets one. It needs another protobuf than Pulumi's engine library, too. So the protocol is
spoken here, which is a few calls.
"""

import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from pathlib import Path
from typing import Any, Final, TypeAlias

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import analyzer_pb2 as proto
from pulumi.runtime.proto import analyzer_pb2_grpc, plugin_pb2

from tenantry import __version__
from tenantry.check.report import Result
from tenantry.pack.review import Review, read_government
from tenantry.plugin import serve_plugin
from tenantry.policy import Verdict
from tenantry.policy.admission.findings import SERVER
from tenantry.problems import TenantryError

PACK: Final = "tenantry"
UNDECIDABLE: Final = "undecidable"
"""The policy by whose level Pulumi's configuration of the pack says what becomes of what can't be decided."""
GOVERNMENT: Final = "tenantry:government"
"""The key of a stack's configuration that names the government's folder, as `stacks/__main__.py` reads it, too."""

Level: TypeAlias = "proto.EnforcementLevel.ValueType"
_WEAKEST_FIRST: Final = (proto.DISABLED, proto.ADVISORY, proto.MANDATORY)


def _answering(call: Callable[..., Any]) -> Callable[..., Any]:
    """Answer a call; what goes wrong stops the engine, with words that have no value of a resource in them."""

    @wraps(call)
    def answer(self: object, request: object, context: grpc.ServicerContext) -> Any:  # noqa: ANN401
        try:
            return call(self, request)
        except TenantryError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        except Exception as error:
            at = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{type(error).__name__} in {Path(at.filename).name}:{at.lineno}"
            context.abort(grpc.StatusCode.INTERNAL, f"TEN-657 the policy pack failed: {where}")

    return answer


class Analyzer(analyzer_pb2_grpc.AnalyzerServicer):
    """The judge of one preview or update."""

    def __init__(self) -> None:
        self._review = Review()
        self._infos = {info.name: info for info in _describe_policies(self._review)}
        self._levels: dict[str, Level] = {name: info.enforcementLevel for name, info in self._infos.items()}
        self._updating = False

    @_answering
    def Handshake(self, request: proto.AnalyzerHandshakeRequest) -> proto.AnalyzerHandshakeResponse:  # noqa: ARG002
        """Be known to the engine, of which nothing is needed."""
        return proto.AnalyzerHandshakeResponse()

    @_answering
    def GetPluginInfo(self, request: object) -> plugin_pb2.PluginInfo:  # noqa: ARG002
        """Tell the version."""
        return plugin_pb2.PluginInfo(version=__version__)

    @_answering
    def GetAnalyzerInfo(self, request: object) -> proto.AnalyzerInfo:  # noqa: ARG002
        """Tell of the policies."""
        return proto.AnalyzerInfo(name=PACK, version=__version__, supportsConfig=True, policies=[*self._infos.values()])

    @_answering
    def Configure(self, request: proto.ConfigureAnalyzerRequest) -> object:
        """Take the level of each policy from Pulumi's configuration of the pack."""
        for name, config in request.policyConfig.items():
            level = config.enforcementLevel
            # Nothing here is mended by a policy: who asks for it wants it stopped.
            self._levels[name] = proto.MANDATORY if level == proto.REMEDIATE else level
        return empty_pb2.Empty()

    @_answering
    def ConfigureStack(self, request: proto.AnalyzerStackConfigureRequest) -> proto.AnalyzerStackConfigureResponse:
        """Learn whether anything will be changed, and what the government's folder says."""
        self._updating = not request.dry_run
        if government := request.config.get(GOVERNMENT):
            self._review.context, self._review.waivers = read_government(Path(government))
        return proto.AnalyzerStackConfigureResponse()

    @_answering
    def Remediate(self, request: object) -> proto.RemediateResponse:  # noqa: ARG002
        """Mend nothing: whoever asked for it does."""
        return proto.RemediateResponse()

    @_answering
    def Analyze(self, request: proto.AnalyzeRequest) -> proto.AnalyzeResponse:
        """Note what a resource asks for; in an update, judge it before it is made."""
        self._review.note(request.urn, request.type, _read(request.properties))
        return self._respond(self._review.judge_before(request.urn) if self._updating else [])

    @_answering
    def AnalyzeStack(self, request: proto.AnalyzeStackRequest) -> proto.AnalyzeResponse:
        """Judge all that was asked for together."""
        there = [(one.urn, one.type, _read(one.properties)) for one in request.resources]
        return self._respond(self._review.judge_stack(there))

    @_answering
    def Cancel(self, request: object) -> object:  # noqa: ARG002
        """Go on: nothing takes long."""
        return empty_pb2.Empty()

    def _respond(self, results: Iterable[Result]) -> proto.AnalyzeResponse:
        found = [(one, self._level_of(one)) for one in results]
        return proto.AnalyzeResponse(
            diagnostics=[
                proto.AnalyzeDiagnostic(
                    policyName=one.policy,
                    policyPackName=PACK,
                    policyPackVersion=__version__,
                    description=self._infos[one.policy].description if one.policy in self._infos else "",
                    message="\n".join(_tell(one)),
                    enforcementLevel=level,
                    urn=one.file,
                )
                for one, level in found
                if level != proto.DISABLED
            ]
        )

    def _level_of(self, result: Result) -> Level:
        """Say what becomes of a result: the policy's level, which a warning or an open question may lower."""
        info = self._infos.get(result.policy)
        level = self._levels[result.policy] if info else proto.MANDATORY
        # A policy that only ever warns is as grave as its level says; of others a warning stays one.
        only_warns = info is not None and info.enforcementLevel == proto.ADVISORY
        if result.verdict is Verdict.DENY or (result.verdict is Verdict.WARN and only_warns):
            return level
        most = self._levels[UNDECIDABLE] if result.verdict is Verdict.UNDECIDABLE else proto.ADVISORY
        return min(level, most, key=_WEAKEST_FIRST.index)


def _describe_policies(review: Review) -> Iterator[proto.PolicyInfo]:
    for bound in review.policies.policies:
        policy = bound.policy
        denies = any("Deny" in one.actions for one in bound.bindings)
        yield proto.PolicyInfo(
            name=policy.name,
            description=policy.reason or policy.name,
            enforcementLevel=proto.MANDATORY if denies else proto.ADVISORY,
            policy_type=proto.POLICY_TYPE_STACK,
            tags=policy.controls,
            remediation_steps=policy.fix,
        )
    for name, description in (
        (SERVER, "What the API server itself would refuse, or drop."),
        (UNDECIDABLE, "What can't be decided isn't passed."),
    ):
        yield proto.PolicyInfo(
            name=name,
            description=description,
            enforcementLevel=proto.MANDATORY,
            policy_type=proto.POLICY_TYPE_STACK,
        )


def _tell(result: Result) -> Iterator[str]:
    yield f"{result.message}. {result.code}"
    if result.waiver:
        yield f"Waived by {result.waiver}."
    if result.controls:
        yield f"Controls: {' '.join(result.controls)}"
    yield f"Fix: {result.fix}."


def _read(properties: struct_pb2.Struct) -> dict[str, Any]:
    return dict(json_format.MessageToDict(properties))


def start_server() -> tuple[grpc.Server, int]:
    """Start to serve the pack on a port of loopback, one call at a time: what is noted is kept in order."""
    server = grpc.server(ThreadPoolExecutor(1), options=_GRPC_CHANNEL_OPTIONS)
    analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Analyzer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    return server, port


def serve() -> None:
    """Serve the pack to the engine that started this process."""
    server, port = start_server()
    serve_plugin(server, port, lambda: server.stop(grace=0).wait())
