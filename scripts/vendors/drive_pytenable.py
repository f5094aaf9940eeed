"""pyTenable against the simulator. Arguments: the generation, `legacy` (up to 1.3.3) or `restfly` (since 1.4.0), the title."""

import logging
import sys

from common import SLEPT, URL, WaitsForEver, asked, exported, finish, note, ours, plan, row, rows

logging.disable(logging.CRITICAL)
from tenable.io import TenableIO  # noqa: E402  (after the clock was replaced)

GENERATION, VERSION = sys.argv[1], sys.argv[2]
LEGACY = {400: "InvalidInputError", 401: "PermissionError", 403: "PermissionError", 404: "NotFoundError", 409: "UnsupportedError",
          429: "RetryError", 500: "ServerError", 501: "RetryError", 502: "RetryError", 503: "RetryError", 504: "RetryError"}
RESTFLY = {400: "BadRequestError", 401: "UnauthorizedError", 403: "ForbiddenError", 404: "NotFoundError", 405: "InvalidMethodError",
           406: "NotAcceptableError", 408: "RequestTimeoutError", 409: "RequestConflictError", 413: "PayloadTooLargeError",
           415: "UnsupportedMediaTypeError", 420: "TooManyRequestsError", 429: "TooManyRequestsError", 500: "ServerError",
           501: "MethodNotImplementedError", 502: "BadGatewayError", 503: "ServiceUnavailableError", 504: "GatewayTimeoutError"}
IS_LEGACY = GENERATION == "legacy"
REPEATED = {429, 501, 502, 503, 504} | (set() if IS_LEGACY else {420})
KEYS = {"vendor": "Scanyard", "product": "test", "build": "1"}


def client(*credentials, **more):
    return TenableIO(*credentials, url=URL, **KEYS, **more)


tio = client("accessKey", "secretKey")


def outcome(call):
    try:
        call()
    except WaitsForEver:
        return "waits for ever"
    except Exception as error:
        return type(error).__name__
    return "no error"


def known(status):
    classes = LEGACY if IS_LEGACY else RESTFLY
    return classes.get(status, "UnknownError"), 6 if status in REPEATED else 1


def meet(name, status, path, call, expected=None, **of_ours):
    """One row, by the library and by ours."""
    plan(path, {"code": name}, repeat=True)
    got = outcome(call)
    got, slept = (got, asked(path)), list(SLEPT)
    row(name, expected or known(status), got, slept, ours("tenable", path.lstrip("/"), path, **of_ours))


def impersonated():
    tio.users.impersonate("bob@example.test")
    try:
        tio.session.details()
    finally:
        tio.session.restore()


def cancelled():
    plan("/vulns/export/*/status", {"status": 200, "body": {"status": "CANCELLED", "chunks_available": []}}, repeat=True)


weak = {"method": "PUT", "more": ("-f", "password=weak", "-f", "current_password=x")}
for name, _, status, code in rows("tenable"):
    if code == "password":
        meet(name, status, "/users/1/chpasswd", lambda: tio.users.change_password(1, "old", "weak"), **weak)
    elif code == "X-Impersonate":
        meet(name, status, "/session", impersonated, profile="tenable-impersonating")
    elif code == "active_job_id" and not IS_LEGACY:
        # It adopts the job that runs; ours does the same in an export, and tells of the conflict in a plain call.
        start = {"method": "POST", "more": ("-j", "num_assets=50")}
        meet(name, status, "/vulns/export", lambda: tio.exports.vulns(since=1), ("no error", 1), **start)
    else:
        meet(name, status, "/users", tio.users.list)

if not IS_LEGACY:
    plan("/users", {"status": 429, "headers": {"retry-after": "Fri, 01 Jan 2100 00:00:00 GMT"}}, repeat=True)
    got = outcome(tio.users.list)
    kind, sent, _ = ours("tenable", "users", "/users")
    note("429 with a date in Retry-After", "`ValueError`", f"`{got}`", f"`{kind}`, {sent} sent, the wait told")
    cancelled()
    got = outcome(lambda: list(tio.exports.vulns(timeout=None)))
    note("an export that was cancelled", "waits for ever", got, exported())
    plan("/nothing", {"status": 200})
    note("an export that succeeds", "250 items", f"{sum(1 for _ in tio.exports.vulns(since=1))} items", exported())

plan("/nothing", {"status": 200})
made = ("-f", "uuid=00000000-007e-4000-8000-000000000002", "-j", 'settings={"name": "x"}')
mine = ours("tenable", "scans", "/scans", "POST", made)[0]
got = outcome(lambda: tio.scans.create(name="x", targets=["192.0.2.1"], template="advanced", scanner="US Cloud Scanner"))
note("a scan made from a template, for a scanner", "`no error`", f"`{got}`", f"`{mine}`")

# What opens a session, and whom it may act for. Up to 1.3.3 there are only keys.
SESSIONS = [
    ("name and password", "Correct-Horse-1", "no error", "tenable-session"),
    ("a wrong password", "wrong", known(401)[0], "tenable-wrong"),
]
plan("/nothing", {"status": 200})
for what, password, expected, profile in [] if IS_LEGACY else SESSIONS:
    got = outcome(lambda: client(username="ada@example.test", password=password).users.list())
    note(what, f"`{expected}`", f"`{got}`", f"`{ours('tenable', 'users', '/users', profile=profile)[0]}`")
mine = ours("tenable", "session", "/session", profile="tenable-impersonating")[0]
note("a user who cannot be impersonated", f"`{known(403)[0]}`", f"`{outcome(impersonated)}`", f"`{mine}`")
finish(f"pyTenable {VERSION}")
