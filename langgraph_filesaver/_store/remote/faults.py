"""What an exception of a filesystem means: told from its class and from the answer that it carries.

The libraries below fsspec each have errors of their own, and fsspec hides some behind an `OSError` whose cause it keeps. So
the whole chain of causes is looked at.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator

__all__ = ["explained", "is_condition", "is_missing", "is_placeless", "is_refused", "is_transient", "status_of"]

_TRANSIENT_STATUS = {408, 409, 425, 429, 500, 502, 503, 504}
_TRANSIENT_CODES = {
    "SlowDown",
    "InternalError",
    "ServiceUnavailable",
    "RequestTimeout",
    "RequestTimeTooSkewed",
    "ConditionalRequestConflict",
    "OperationAborted",
    "ThrottlingException",
    "ServerBusy",
    "OperationTimedOut",
}
_TRANSIENT_CLASSES = {
    "BotoCoreError": (
        "EndpointConnectionError",
        "ConnectTimeoutError",
        "ReadTimeoutError",
        "ConnectionClosedError",
        "ProxyConnectionError",
        "HTTPClientError",
        "ResponseStreamingError",
        "IncompleteReadError",
        "SSLError",
    ),
    "ClientError": ("ClientConnectionError", "ClientPayloadError", "ServerDisconnectedError", "ClientOSError"),
    "AzureError": ("ServiceRequestError", "ServiceResponseError", "IncompleteReadError"),
    "SSHException": ("SSHException", "ChannelException", "NoValidConnectionsError"),
    "OSError": ("FSTimeoutError", "TimeoutError"),  # asyncio's own is another one before Python 3.11
}
_TRANSIENT_ERRNO = {
    errno.ECONNREFUSED,
    errno.ECONNRESET,
    errno.ECONNABORTED,
    errno.EPIPE,
    errno.ETIMEDOUT,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.EHOSTDOWN,
    errno.EAGAIN,
}
_NAMES = frozenset(name for names in _TRANSIENT_CLASSES.values() for name in names)
_CONDITION_CODES = {"PreconditionFailed", "BlobAlreadyExists", "ConditionNotMet", "UpdateConditionNotSatisfied"}
_CONDITION_CLASSES = {"ResourceExistsError", "ResourceModifiedError"}
_REFUSED_CLASSES = {"AuthenticationException", "ClientAuthenticationError", "NoCredentialsError"}
_PLACELESS_CODES = {"NoSuchBucket", "ContainerNotFound"}
_MISSING_CODES = {"NoSuchKey", "404", "NotFound", "BlobNotFound"}


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def status_of(error: BaseException) -> tuple[int, str]:
    """Return the HTTP status and the backend's code that an exception carries, 0 and "" where it has none."""
    for each in _chain(error):
        response = getattr(each, "response", None)
        if isinstance(response, dict):
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            return int(status or 0), str(response.get("Error", {}).get("Code", ""))
        status = getattr(each, "status_code", None) or getattr(each, "code", None)
        if isinstance(status, int):
            code = getattr(each, "error_code", "") or ""
            return status, str(getattr(code, "value", code))
    return 0, ""


def is_missing(error: BaseException) -> bool:
    """Tell whether the object is not there."""
    status, code = status_of(error)
    if code in _PLACELESS_CODES:
        return False
    return code in _MISSING_CODES or status == 404 or (isinstance(error, FileNotFoundError) and not status)


def is_condition(error: BaseException) -> bool:
    """Tell whether the condition of a put did not hold."""
    status, code = status_of(error)
    names = {type(each).__name__ for each in _chain(error)}
    return (
        status == 412
        or code in _CONDITION_CODES
        or bool(names & _CONDITION_CLASSES)
        or (isinstance(error, FileExistsError) and status != 409)
    )


def is_transient(error: BaseException) -> bool:
    """Tell whether another attempt may succeed."""
    if any(
        kind.__name__ in _NAMES for kind in type(error).__mro__
    ):  # it may carry a code that is no answer of a server's
        return True
    status, code = status_of(error)
    if code in _TRANSIENT_CODES or status in _TRANSIENT_STATUS:
        return True
    if status:
        return False
    return any(
        isinstance(each, (ConnectionError, TimeoutError, EOFError))
        or (isinstance(each, OSError) and each.errno in _TRANSIENT_ERRNO)
        or any(kind.__name__ in _NAMES for kind in type(each).__mro__)
        for each in _chain(error)
    )


def is_placeless(error: BaseException) -> bool:
    """Tell whether there is no such bucket or container."""
    return status_of(error)[1] in _PLACELESS_CODES


def is_refused(error: BaseException) -> bool:
    """Tell whether the backend lets nobody in with the key that was given."""
    status, _ = status_of(error)
    return status in (401, 403) or any(
        isinstance(each, PermissionError) or type(each).__name__ in _REFUSED_CLASSES for each in _chain(error)
    )


def explained(error: BaseException) -> str:
    """Return what went wrong in a line."""
    status, code = status_of(error)
    text = (str(error).strip().splitlines() or [""])[0]
    found = " ".join(part for part in (str(status) if status else "", code) if part)
    if text in ("", "None"):
        return found or type(error).__name__
    return f"{found}: {text}" if found and (not code or code not in text) else text
