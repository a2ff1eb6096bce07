"""What storage services and their libraries report, in this package's errors.

Nothing here imports those libraries: an error is known by the code that the service sent, or by the
name of its class, anywhere in its chain of causes. What services write in their messages is not
repeated where it can hold a key or a signature.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from decentralml.errors import (
    AccessDenied,
    AssetError,
    ClockSkewed,
    CredentialsRefused,
    NoSuchBucket,
    StoreRefused,
    StoreUnreachable,
)

_ABSENT = {"FileNotFoundError", "NoSuchKey", "BlobNotFound", "404"}
_CUT = {"InvalidRange", "416", "RequestedRangeNotSatisfiable"}
_NO_BUCKET = {"NoSuchBucket", "ContainerNotFound", "InvalidBucketName", "InvalidResourceName"}

_CHAIN = {
    "s3": "the environment (AWS_ACCESS_KEY_ID …), a profile (AWS_PROFILE) or the machine's role",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS, `gcloud auth application-default login` or the "
    "machine's role",
    "az": "AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_ACCOUNT_NAME with a key or `az login`, "
    "or the machine's identity",
}


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Codes or names that mean one thing, and its words; {chain}: where credentials come from."""

    marks: frozenset[str]
    error: type[StoreRefused]
    why: str
    advice: str


_REFUSALS = (
    _Refusal(
        frozenset(_NO_BUCKET),
        NoSuchBucket,
        "there is no such bucket",
        "Check its name and the endpoint; buckets are made with the service's own tools.",
    ),
    _Refusal(
        frozenset({"RequestTimeTooSkewed", "RequestExpired"}),
        ClockSkewed,
        "this machine's clock differs too much from the store's",
        "Set it (timedatectl set-ntp true), and try again.",
    ),
    _Refusal(
        frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
        | {"RefreshError"},
        CredentialsRefused,
        "the credentials have expired",
        "Renew them: they come from {chain}.",
    ),
    _Refusal(
        frozenset({"NoCredentialsError", "PartialCredentialsError", "DefaultCredentialsError"})
        | {"ProfileNotFound", "CredentialUnavailableError", "NoAuthenticationInformation"}
        | {"CredentialRetrievalError", "_NoAccount"},
        CredentialsRefused,
        "there are no credentials for it",
        "Give some by {chain}.",
    ),
    _Refusal(
        frozenset({"InvalidAccessKeyId", "SignatureDoesNotMatch", "AuthenticationFailed", "401"})
        | {"InvalidToken", "InvalidSecurity", "ClientAuthenticationError", "XAdminUserNotFound"},
        CredentialsRefused,
        "it does not know these credentials",
        "Check them: they come from {chain}.",
    ),
    _Refusal(
        frozenset({"AccessDenied", "AllAccessDisabled", "AccountProblem", "403", "_Forbidden"})
        | {"AuthorizationFailure", "AuthorizationPermissionMismatch", "AccountIsDisabled"}
        | {"InsufficientAccountPermissions", "PublicAccessNotPermitted", "PermissionError"},
        AccessDenied,
        "the credentials do not allow this",
        "Ask the bucket's owner for the right to list, read, write and delete objects there.",
    ),
)

_SILENT = {
    "EndpointConnectionError", "ConnectTimeoutError", "ReadTimeoutError", "ConnectionClosedError",
    "ClientConnectorError", "ClientConnectorDNSError", "ServerDisconnectedError", "TimeoutError",
    "ServiceRequestError", "ServiceResponseError", "SSLError", "ClientConnectorCertificateError",
    "HTTPClientError", "ProxyConnectionError", "ProxyError", "ConnectionError", "ClientOSError",
    "ServiceRequestTimeoutError", "ServiceResponseTimeoutError", "ClientPayloadError",
    "ConnectionRefusedError", "ConnectionResetError", "ServerTimeoutError", "TransportError",
    "IncompleteReadError", "ResponseStreamingError", "SocketTimeoutError",
}  # fmt: skip
_BUSY = {
    "InternalError", "SlowDown", "ServiceUnavailable", "ServerBusy", "RequestTimeout",
    "OperationTimedOut", "500", "502", "503", "504", "408", "429",
}  # fmt: skip


def is_absent(error: BaseException) -> bool:
    """Whether an object is not there; says nothing of whether its bucket is."""
    marks = set(_marks(error))
    return bool(marks & _ABSENT) and not marks & _NO_BUCKET


def is_past_the_end(error: BaseException) -> bool:
    """Whether an object is shorter than where reading was to begin."""
    return bool(set(_marks(error)) & _CUT)


def named(error: BaseException, store: str) -> AssetError:
    """The error of this package for one of a storage library.

    Args:
        error: as it was raised.
        store: the store's address, without secrets.
    """
    marks = set(_marks(error))
    chain = _CHAIN[store.partition("://")[0]]
    for one in _REFUSALS:
        if marks & one.marks:
            return one.error(store, one.why, one.advice.format(chain=chain))
    return _unreached(marks, store) or StoreRefused(
        store, _harmless(error), "If it lasts, look at the service's own log."
    )


def no_bucket(store: str) -> AssetError:
    """There is no such bucket: what a service says of an object that is not there does not tell."""
    first = _REFUSALS[0]
    return first.error(store, first.why, first.advice)


def _unreached(marks: set[str], store: str) -> StoreUnreachable | None:
    busy = sorted(marks & _BUSY)
    if busy:
        advice = "Try again later: what was sent stays."
        return StoreUnreachable(store, f"it says {busy[-1]}", advice)
    silent = sorted(marks & _SILENT)
    if silent:
        return StoreUnreachable(
            store,
            f"no connection, or none that lasts ({silent[0]})",
            "Check the network and the endpoint (AWS_ENDPOINT_URL, STORAGE_EMULATOR_HOST), and "
            "try again: what was sent stays.",
        )
    return None


def _marks(error: BaseException) -> Iterator[str]:
    """Codes and class names, of the error and all that led to it."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield from (kind.__name__ for kind in type(at).__mro__)
        yield from _by_text(at)
        response = getattr(at, "response", None)
        if isinstance(response, dict):
            yield str(response.get("Error", {}).get("Code"))
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
            if status != 404:  # many things are not found, and the code says which
                yield str(status)
        for name in ("code", "status", "status_code", "error_code"):
            value = getattr(at, name, None)
            if isinstance(value, int | str):
                yield str(getattr(value, "value", value))
        at = at.__cause__ or at.__context__


def _by_text(error: BaseException) -> Iterator[str]:
    """Two that come as plain errors without a code."""
    if "connection_string or account_name" in str(error):
        yield "_NoAccount"
    if isinstance(error, OSError) and str(error).startswith("Forbidden"):
        yield "_Forbidden"


def _harmless(error: BaseException) -> str:
    """An error's text on one line, without what may be a signature or a key."""
    text = " ".join(str(error).split())
    text = re.sub(r"\?\S*", "?…", text)
    text = re.sub(r"(?i)(key|secret|token|signature|password|sig)\S*\s*[=:]\s*\S+", r"\1=…", text)
    return f"{type(error).__name__}: {text[:200]}".rstrip(". :")
