"""zscaler-sdk-python against the simulator, untouched: as its proxy, by HTTPS_PROXY and REQUESTS_CA_BUNDLE."""

import logging
import os
import sys

os.environ["ZSCALER_CLIENT_CACHE_ENABLED"] = "false"
from common import asked, control, finish, met, plan  # noqa: E402

logging.disable(logging.CRITICAL)
from zscaler import ZscalerClient  # noqa: E402

client = ZscalerClient({"clientId": "a", "clientSecret": "b", "vanityDomain": "acme", "customerId": "7",
                        "cache": {"enabled": False}, "logging": {"enabled": False}})
LABELS, APPS = "/zia/api/v1/ruleLabels", "/zpa/mgmtconfig/v1/admin/customers/7/segmentGroup"


def outcome(call):
    try:
        result, response, error = call()
    except Exception as error:
        return f"raises {type(error).__name__}"
    if error is None:
        return f"{len(result)} items"
    return type(error).__name__


def zia():
    return outcome(lambda: client.zia.rule_labels.list_labels())


def zpa():
    return outcome(lambda: client.zpa.segment_groups.list_groups())


def row(name, path, call, expected, times, ours, *steps):
    plan(path, *steps, repeat=len(steps) == 1)
    got = call()
    met(name, f"{expected}, {times} sent", f"{got}, {asked(path)} sent", ours)


ERROR = "ZscalerAPIError"
row("ZIA 400", LABELS, zia, ERROR, 1, "bad_request", {"status": 400})
row("ZIA 403 maintenance", LABELS, zia, ERROR, 1, "maintenance", {"code": "STATE_READONLY"})
row("ZIA 409 edit lock", LABELS, zia, ERROR, 3, "edit_lock, backoff", {"code": "EDIT_LOCK_NOT_AVAILABLE"})
row("ZIA 412 barrier", LABELS, zia, ERROR, 1, "edit_lock, backoff", {"code": "UNEXPECTED_ERROR"})
row("ZIA 500", LABELS, zia, ERROR, 1, "server", {"status": 500})
row("ZPA 400 not found", APPS, zpa, ERROR, 1, "not_found", {"status": 400, "code": "resource.not.found"})
row("ZPA 429 `13s`", APPS, zpa, ERROR, 3, "rate_limited, 13 s", {"code": "invalid.toomanyrequests"})
row("ZPA 503 `10s`", APPS, zpa, ERROR, 3, "unavailable, 10 s", {"code": "retryable.server.error"})
row("ZIA 401 for good", LABELS, zia, "Exception", 3, "unauthenticated, one fresh token", {"status": 401})
plan(APPS, {"status": 200}, {"status": 500})
page, response, error = client.zpa.segment_groups.list_groups(query_params={"page_size": 100})
rest, response, error = response.next()
met("ZPA: page 2 fails", "has_next False, no error", f"has_next {response.has_next()}, {'no error' if error is None else 'an error'}",
    "an error")
finish(sys.argv[1])
