"""pyTenable against the simulator. Argument: the generation, `legacy` (up to 1.3.3) or `restfly` (since 1.4.0)."""

import logging
import sys

from common import SLEPT, URL, WaitsForEver, asked, finish, met, plan

logging.disable(logging.CRITICAL)
from tenable.io import TenableIO  # noqa: E402  (after the clock was replaced)

GENERATION, VERSION = sys.argv[1], sys.argv[2]
LEGACY = {400: "InvalidInputError", 401: "PermissionError", 403: "PermissionError", 404: "NotFoundError", 409: "UnsupportedError",
          429: "RetryError", 500: "ServerError", 501: "RetryError", 502: "RetryError", 503: "RetryError", 504: "RetryError"}
RESTFLY = {400: "BadRequestError", 401: "UnauthorizedError", 403: "ForbiddenError", 404: "NotFoundError", 405: "InvalidMethodError",
           406: "NotAcceptableError", 408: "RequestTimeoutError", 409: "RequestConflictError", 413: "PayloadTooLargeError",
           415: "UnsupportedMediaTypeError", 420: "TooManyRequestsError", 429: "TooManyRequestsError", 500: "ServerError",
           501: "MethodNotImplementedError", 502: "BadGatewayError", 503: "ServiceUnavailableError", 504: "GatewayTimeoutError"}
OURS = {400: "bad_request", 401: "unauthenticated", 403: "permission", 404: "not_found", 405: "method", 406: "accept",
        408: "timeout", 409: "conflict", 413: "too_large", 415: "media_type", 420: "rate_limited", 429: "rate_limited",
        500: "server", 501: "not_implemented, sent once", 502: "unavailable", 503: "unavailable", 504: "timeout"}
REPEATED = {429, 501, 502, 503, 504} | ({420} if GENERATION == "restfly" else set())

tio = TenableIO("accessKey", "secretKey", url=URL, vendor="Scanyard", product="test", build="1")


def outcome(call):
    try:
        call()
    except WaitsForEver:
        return "waits for ever"
    except Exception as error:
        return type(error).__name__
    return "no error"


for status in OURS:
    plan("/users", {"status": status, "headers": {"retry-after": "1"} if status == 429 else {}}, repeat=True)
    name = outcome(tio.users.list)
    times = asked("/users")
    classes = LEGACY if GENERATION == "legacy" else RESTFLY
    expected = classes.get(status, "UnknownError")
    met(f"{status}", f"`{expected}` after {6 if status in REPEATED else 1}", f"`{name}` after {times}", OURS[status])

if GENERATION == "restfly":
    plan("/users", {"status": 429, "headers": {"retry-after": "Fri, 01 Jan 2027 00:00:00 GMT"}}, repeat=True)
    met("429 with a date in Retry-After", "`ValueError`", f"`{outcome(tio.users.list)}`", "waits until then")
    plan("/vulns/export/*/status", {"status": 200, "body": {"status": "CANCELLED", "chunks_available": []}}, repeat=True)
    met("an export that was cancelled", "waits for ever", outcome(lambda: list(tio.exports.vulns(timeout=None))), "export_failed")
    plan("/nothing", {"status": 200})
    met("an export that succeeds", 250, sum(1 for _ in tio.exports.vulns(since=1)), "the same")

finish(f"pyTenable {VERSION}")
