"""THE place where exceptions become HTTP: class → status, type, code, Retry-After."""

from dataclasses import dataclass
from typing import Any

import orjson

from corral.app.api import request_errors as api
from corral.app.cluster import errors as cluster
from corral.app.dialects.dialect import Dialect
from corral.app.dialects.errors import error_document, last_words
from corral.app.endpoints import errors as endpoints
from corral.app.gateway import errors as gateway
from corral.app.model_copy import errors as model_copy
from corral.app.openai.responses.service import ResponseFailed, ResponseNotFound
from corral.app.registry import errors as registry
from corral.app.runtimes import errors as runtimes
from corral.app.serving import errors as serving
from corral.app.store import errors as store
from corral.app.upstream import errors as upstream
from corral.engines import errors as engines


@dataclass(frozen=True, slots=True)
class Shape:
    """How one kind of error looks to a client. `code` None: the exception's own."""

    status: int
    type: str
    code: str | None = None
    retry_after_s: int | None = None


_SHOWN = (
    engines.EngineError,
    gateway.GatewayError,
    api.ApiError,
    cluster.ClusterError,
    model_copy.CopyError,
    endpoints.EndpointError,
    runtimes.RuntimesError,
    registry.RegistryError,
)
_INTERNAL = Shape(500, "server_error", "internal_error")

SHAPES: dict[type[Exception], Shape] = {
    engines.EngineError: _INTERNAL,
    engines.InvalidRequest: Shape(400, "invalid_request_error"),
    engines.ModelNotFound: Shape(404, "not_found_error"),
    engines.ModelBroken: Shape(503, "service_unavailable_error", "no_capable_endpoint", 30),
    engines.InsufficientMemory: Shape(503, "service_unavailable_error", None, 30),
    engines.QueueFull: Shape(429, "rate_limit_error", None, 5),
    engines.QueueTimeout: Shape(504, "timeout_error"),
    engines.WorkerCrashed: Shape(502, "upstream_error", "endpoint_failed", 1),
    engines.ShuttingDown: Shape(503, "service_unavailable_error", None, 10),
    serving.PeerFailed: Shape(502, "upstream_error", None, 1),
    serving.StaleRouter: Shape(503, "service_unavailable_error", "no_router", 1),
    upstream.UpstreamError: Shape(502, "upstream_error", None, 1),
    upstream.UpstreamTimeout: Shape(504, "timeout_error"),
    upstream.UpstreamBusy: Shape(503, "service_unavailable_error", None, 5),
    ResponseNotFound: Shape(404, "not_found_error"),
    ResponseFailed: Shape(502, "upstream_error", "endpoint_failed"),
    gateway.MissingModel: Shape(400, "invalid_request_error"),
    gateway.NoCapableEndpoint: Shape(503, "service_unavailable_error", None, 10),
    gateway.QueueFull: Shape(429, "rate_limit_error"),
    gateway.QueueTimeout: Shape(504, "timeout_error"),
    gateway.QuotaExceeded: Shape(429, "rate_limit_error"),
    gateway.CloudKeyMissing: Shape(401, "authentication_error"),
    gateway.AuthError: Shape(401, "authentication_error"),
    gateway.InsufficientScope: Shape(403, "permission_error"),
    gateway.AdminRequired: Shape(403, "permission_error"),
    gateway.NotThisMachine: Shape(403, "permission_error"),
    gateway.CsrfTokenMissing: Shape(403, "permission_error"),
    store.DiskFull: Shape(507, "insufficient_storage_error", "disk_full", 60),
    cluster.NoSuchRequest: Shape(404, "not_found_error"),
    cluster.NoSuchNode: Shape(404, "not_found_error"),
    cluster.NoSuchInvite: Shape(404, "not_found_error"),
    cluster.NoSuchAddress: Shape(404, "not_found_error"),
    cluster.CantBeDone: Shape(409, "conflict_error"),
    cluster.CantJoin: Shape(409, "conflict_error"),
    model_copy.CopyError: Shape(502, "upstream_error"),
    model_copy.CantCopy: Shape(409, "conflict_error"),
    model_copy.ChecksumPending: Shape(409, "conflict_error", None, 10),
    model_copy.NoSuchCopy: Shape(404, "not_found_error"),
    model_copy.NoRoom: Shape(507, "insufficient_storage_error", None, 60),
    endpoints.EndpointError: Shape(400, "invalid_request_error"),
    endpoints.EndpointNotFound: Shape(404, "not_found_error"),
    endpoints.AliasNotFound: Shape(404, "not_found_error"),
    endpoints.DuplicateEndpoint: Shape(409, "conflict_error"),
    endpoints.NotSynced: Shape(502, "upstream_error"),
    endpoints.NotReached: Shape(503, "service_unavailable_error", None, 10),
    runtimes.NoSuchRuntime: Shape(404, "not_found_error"),
    runtimes.NotARuntime: Shape(409, "conflict_error"),
    runtimes.GpuRequired: Shape(403, "permission_error"),
    runtimes.TooManyRuntimes: Shape(409, "conflict_error"),
    runtimes.UnusableAddress: Shape(400, "invalid_request_error"),
    runtimes.WrongToken: Shape(401, "authentication_error"),
    runtimes.Disconnected: Shape(409, "conflict_error"),
    runtimes.LogsUnavailable: Shape(502, "upstream_error"),
    registry.BadWish: Shape(400, "invalid_request_error"),
    registry.NotRegistered: Shape(404, "not_found_error"),
    registry.NoSuchFile: Shape(404, "not_found_error"),
    registry.NoSuchRange: Shape(416, "invalid_request_error"),
    registry.ModelBusy: Shape(409, "conflict_error", None, 5),
    registry.CantRemove: Shape(409, "conflict_error"),
    registry.OriginRefused: Shape(403, "permission_error"),
    registry.OriginFailed: Shape(502, "upstream_error"),
    registry.OriginBusy: Shape(503, "service_unavailable_error", None, 60),
    registry.Loading: Shape(503, "service_unavailable_error", None, 10),
    api.BadRequest: Shape(400, "invalid_request_error"),
    api.BodyTooLarge: Shape(413, "invalid_request_error"),
    api.BodyTimeout: Shape(408, "invalid_request_error"),
    api.UnsupportedMediaType: Shape(415, "invalid_request_error"),
    api.MethodNotAllowed: Shape(405, "invalid_request_error"),
    api.RouteNotFound: Shape(404, "not_found_error"),
    api.ApiKeyNotFound: Shape(404, "not_found_error"),
    api.RequestNotFound: Shape(404, "not_found_error"),
    api.RuntimeNotFound: Shape(404, "not_found_error"),
    api.SettingNotFound: Shape(404, "not_found_error"),
    api.SettingsFileUnusable: Shape(409, "conflict_error"),
    api.ProviderNotFound: Shape(404, "not_found_error"),
    api.UserNotFound: Shape(404, "not_found_error"),
    api.InvitationNotFound: Shape(404, "not_found_error"),
    api.DuplicateName: Shape(400, "invalid_request_error"),
    api.LastAdminStays: Shape(400, "invalid_request_error"),
    api.WrongPassword: Shape(401, "authentication_error"),
    api.InvalidOneTimeToken: Shape(401, "authentication_error"),
    api.InvalidInvitation: Shape(400, "invalid_request_error"),
    api.TooManyLogins: Shape(429, "rate_limit_error"),
    api.NoCounterpart: Shape(400, "invalid_request_error"),
    api.HostNotAllowed: Shape(403, "permission_error"),
    api.EventsBusy: Shape(503, "service_unavailable_error", None, 10),
    api.NoRouter: Shape(503, "service_unavailable_error", None, 1),
    api.RouterLost: Shape(502, "upstream_error"),
    api.RelayLoop: Shape(508, "server_error"),
    api.NotReady: Shape(503, "service_unavailable_error", None, 2),
    api.Draining: Shape(503, "service_unavailable_error", None, 10),
}


def shape_of(error: Exception) -> Shape:
    """The entry of the nearest class; what nobody expected is an internal error."""
    return next((SHAPES[kind] for kind in type(error).__mro__ if kind in SHAPES), _INTERNAL)


def error_object(error: Exception) -> dict[str, Any]:
    """OpenAI's error object. Only messages that were written for clients are shown."""
    shape = shape_of(error)
    if isinstance(error, _SHOWN):
        message, param, code = error.message, error.param, error.code
    elif isinstance(error, store.DiskFull):
        message, param, code = str(error), None, ""
    else:
        message, param, code = "something went wrong inside this node; its log says more", None, ""
    return {"message": message, "type": shape.type, "param": param, "code": shape.code or code}


def error_body(error: Exception) -> bytes:
    """The JSON of an error answer, and of a stream's last event."""
    return orjson.dumps({"error": error_object(error)})


def error_body_in(dialect: Dialect, error: Exception, *, request_id: str | None = None) -> bytes:
    """The same in a client's own dialect."""
    status = shape_of(error).status
    return orjson.dumps(error_document(dialect, error_object(error), status=status, request_id=request_id))


def last_words_in(dialect: Dialect, error: Exception) -> bytes:
    """The end of a stream that breaks off."""
    return last_words(dialect, error_object(error), status=shape_of(error).status)


def error_headers(error: Exception) -> dict[str, str]:
    """Headers that go with the status."""
    headers = {"content-type": "application/json"}
    shape = shape_of(error)
    retry_after_s = getattr(error, "retry_after_s", None) or shape.retry_after_s
    if retry_after_s is not None:
        headers["retry-after"] = str(retry_after_s)
    if isinstance(error, gateway.GatewayError):
        headers.update(error.headers)
    if shape.status == 401 and not isinstance(error, gateway.CloudKeyMissing):
        headers["www-authenticate"] = "Bearer"
    if isinstance(error, api.MethodNotAllowed):
        headers["allow"] = ", ".join(sorted(error.allowed))
    return headers
