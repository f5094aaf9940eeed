"""zscaler-sdk-python against the simulator, untouched: as its proxy, by HTTPS_PROXY and REQUESTS_CA_BUNDLE."""

import logging
import os
import sys
import uuid

os.environ["ZSCALER_CLIENT_CACHE_ENABLED"] = "false"
from common import SLEPT, WaitsForEver, asked, finish, note, ours, paged, plan, row, rows, waits  # noqa: E402

logging.disable(logging.CRITICAL)
from zscaler import ZscalerClient  # noqa: E402
from zscaler.oneapi_client import LegacyZCCClient, LegacyZIAClient, LegacyZPAClient, LegacyZTWClient  # noqa: E402


def oneapi(client_id="a"):
    return ZscalerClient({"clientId": client_id, "clientSecret": "b", "vanityDomain": "acme", "customerId": "7",
                          "zcellCustomerId": "7", "cache": {"enabled": False}, "logging": {"enabled": False}})


def token():
    """Another caller, who needs a token first: the library keeps the logins of a process."""
    return oneapi(str(uuid.uuid4())).zia.rule_labels.list_labels()


client = oneapi()
CUSTOMER = "mgmtconfig/v1/admin/customers/7"
# For each service the call by which it is driven, and the path that this asks for.
CALLS = {
    "common": (token, "/oauth2/v1/token"),
    "zia": (lambda: client.zia.rule_labels.list_labels(), "/zia/api/v1/ruleLabels"),
    "zpa": (lambda: client.zpa.segment_groups.list_groups(), f"/zpa/{CUSTOMER}/segmentGroup"),
    "zcc": (lambda: client.zcc.devices.list_devices(), "/zcc/papi/public/v1/getDevices"),
    "cbc": (lambda: client.ztw.ec_groups.list_ec_groups(), "/ztw/api/v1/ecgroup"),
    "zidentity": (lambda: client.zid.users.list_users(), "/ziam/admin/api/v1/users"),
    "zdx": (lambda: client.zdx.devices.list_devices(), "/zdx/v1/devices"),
    "bi": (lambda: client.zbi.reports.list_reports(), "/bi/api/v1/report/all"),
    "zcell": (lambda: client.zcell.sim_location_groups.list_sim_location_groups(), "/zcell/config/api/v1/customers/7/sim-location-groups"),
    "graphql": (lambda: client.zins.cyber_security.get_incidents(1, 2), "/zins/graphql"),
}


def outcome(call):
    try:
        result = call()
    except WaitsForEver:
        return "waits for ever"
    except Exception as error:
        return f"raises {type(error).__name__}"
    if not isinstance(result, tuple):
        return "no error"
    result, _, error = result
    if error is not None:
        return type(error).__name__
    return f"{len(result) if hasattr(result, '__len__') else 1} items"


# What is known of it, by status; a code says where it differs.
ERROR = ("ZscalerAPIError", 1)
REPEATED = ("ZscalerAPIError", 3)
NAMELESS = ("Exception", 1)


def known(service, status, code):
    if service == "common":
        return "raises Exception", 1
    if service == "zia" and code == "EDIT_LOCK_NOT_AVAILABLE":
        return REPEATED
    if service == "graphql":
        return "GraphQLAPIError", 1
    if service == "zcc" and status == 404:
        return "HTTPError", 1  # a text that says it were JSON
    if service == "bi" and status == 429:
        return NAMELESS  # no wait in any header
    return {401: ("Exception", 3), 429: REPEATED, 503: REPEATED if service == "zpa" else NAMELESS}.get(status, ERROR)


for name, service, status, code in rows("zscaler"):
    call, path = CALLS[service]
    plan(path, {"code": name}, repeat=True)
    got = outcome(call)
    got, slept = (got, asked(path)), list(SLEPT)
    if service == "common":
        mine = ours("zscaler/zia", CALLS["zia"][1].lstrip("/"), path)
    elif service == "graphql":
        mine = ours("zscaler/graphql", path.lstrip("/"), path, "POST", ("-f", "query={ A { b } }"))
    else:
        # Two reads a second are the limit that ours keeps there by itself: a third one waits for its turn.
        patience = 1 if service in ("zia", "cbc", "bi") else 0
        mine = ours(f"zscaler/{service}", path.lstrip("/"), path, patience=patience)
        # A second of the clock, so that the wait is another with every run.
        mine = mine[:2] + ("to the reset",) if service == "zdx" and mine[2].endswith(" s") else mine
    row(name, known(service, status, code), got, slept, mine)

# The ordinary answers, by OneAPI and by the older logins.
plan("/nothing", {"status": 200})
for service, items in {"zia": 100, "zpa": 20, "zcc": 30, "cbc": 100, "zidentity": 1, "zdx": 1, "bi": 100, "zcell": 20, "graphql": 10}.items():
    call, path = CALLS[service]
    more = ("POST", ("-f", "query={ A { b } }")) if service == "graphql" else ("GET",)
    note(f"{service}: an ordinary answer", f"{items} items", outcome(call), ours(f"zscaler/{service}", path.lstrip("/"), path, *more)[0])

ADMIN = {"api_key": "0123456789ab", "username": "ada@example.test", "cloud": "zscaler"}
ZPA = {"clientId": "a", "clientSecret": "b", "customerId": "7", "cloud": "PRODUCTION"}
ZCC = {"api_key": "a", "secret_key": "b", "cloud": "zscaler"}


def legacy(kind, name, config, call):
    with kind(config | {"logging": {"enabled": False}}) as made:
        return call(getattr(made, name))


LEGACY = {
    "zia": lambda password: legacy(LegacyZIAClient, "zia", ADMIN | {"password": password}, lambda api: api.rule_labels.list_labels()),
    "cbc": lambda password: legacy(LegacyZTWClient, "ztw", ADMIN | {"password": password}, lambda api: api.ec_groups.list_ec_groups()),
    "zpa": lambda password: legacy(LegacyZPAClient, "zpa", ZPA | {"clientSecret": password}, lambda api: api.segment_groups.list_groups()),
    "zcc": lambda password: legacy(LegacyZCCClient, "zcc", ZCC | {"secret_key": password}, lambda api: api.devices.list_devices()),
}
PATHS = {"zia": "ruleLabels", "cbc": "ecgroup", "zpa": f"{CUSTOMER}/segmentGroup", "zcc": "v1/getDevices"}
WRONG = {"zia": "ZscalerAPIError", "cbc": "ZscalerAPIError", "zpa": "Exception", "zcc": "Exception"}
ITEMS = {"zia": 100, "cbc": 100, "zpa": 20, "zcc": 30}
for service, call in LEGACY.items():
    for end, secret, expected in [("", "right", f"{ITEMS[service]} items"), ("-wrong", "wrong", f"raises {WRONG[service]}")]:
        mine = ours(f"zscaler/{service}", PATHS[service], "", profile=f"{service}{end}")[0]
        note(f"{service} by its own login, the {secret} secret", expected, outcome(lambda: call(secret)), f"`{mine}`")

path = CALLS["zpa"][1]
plan(path, {"status": 200}, {"status": 500})
page, response, error = client.zpa.segment_groups.list_groups(query_params={"page_size": 100})
rest, response, error = response.next()
got = f"has_next {response.has_next()}, {'no error' if error is None else 'an error'}"
plan(path, {"status": 200}, {"status": 500})
note("ZPA: page 2 fails", "has_next False, no error", got, paged("zscaler/zpa", path.lstrip("/")))

# What a 429 may state its wait as, by headers in place of the simulator's; an empty one is none.
FAR, EPOCH = "Fri, 01 Jan 2100 00:00:00 GMT", "4102444800"
QUIET = {"retry-after": "", "x-ratelimit-limit": "", "x-ratelimit-remaining": "", "x-ratelimit-reset": ""}
STATED = [
    ("zpa", "Retry-After: 10 seconds", {"retry-after": "10 seconds"}, NAMELESS, "–"),
    ("zpa", "Retry-After: 1m30s", {"retry-after": "1m30s"}, NAMELESS, "–"),
    ("zpa", "Retry-After: 13.5s", {"retry-after": "13.5s"}, NAMELESS, "–"),
    ("zpa", "a date in Retry-After", {"retry-after": FAR}, NAMELESS, "–"),
    ("zpa", "Retry-After: -5", {"retry-after": "-5"}, ("ValueError", 1), "–"),
    ("zpa", "a reset as the second of the clock", QUIET | {"x-ratelimit-reset": EPOCH}, REPEATED, "2 × the seconds since 1970"),
    ("zia", "a wait in the body alone", QUIET, NAMELESS, "–"),
]


def told(got, slept):
    """An outcome as (what, how often it was sent), with the waits."""
    return f"`{got[0]}`, {got[1]} sent" + ("" if slept == "–" else f", {slept}")


for service, what, headers, expected, slept in STATED:
    call, path = CALLS[service]
    plan(path, {"code": f"zscaler/{service}/429", "headers": headers}, repeat=True)
    got = outcome(call)
    got = told((got, asked(path)), waits(SLEPT))
    kind, sent, pause = ours(f"zscaler/{service}", path.lstrip("/"), path, patience=1 if service == "zia" else 0)
    # How long it is until 2100 is another with every run.
    pause = "the wait told" if FAR in headers.values() or EPOCH in headers.values() else pause
    note(f"{service} 429, {what}", told(expected, slept), got, f"`{kind}`, {sent} sent, {pause}")

path = CALLS["zia"][1]
plan(path, {"body": "<html>Maintenance</html>", "headers": {"content-type": "text/html"}}, repeat=True)
note("ZIA: a page of HTML with 200", "0 items", outcome(CALLS["zia"][0]), f"`{ours('zscaler/zia', path.lstrip('/'), path)[0]}`")

plan(CALLS["common"][1], {"body": {"token_type": "Bearer", "expires_in": 3600}}, repeat=True)
got = outcome(token)
got = f"{got}, goes on without it: {asked(path)} sent"
kind, sent, _ = ours("zscaler/zia", path.lstrip("/"), path)
note("a login's answer without a token", "Exception, goes on without it: 3 sent", got, f"`{kind}`, {sent} sent")
finish(sys.argv[1])
