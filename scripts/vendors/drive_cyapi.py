"""cyapi (Arctic Wolf Aurora) against the simulator, untouched: as its proxy, by HTTPS_PROXY and REQUESTS_CA_BUNDLE. It answers a
value, and raises only at the token."""

import contextlib
import io
import sys
import uuid

from common import SLEPT, WaitsForEver, asked, finish, note, ours, plan, row, rows

from cyapi.cyapi import CyAPI


def connected():
    made = CyAPI(tid=str(uuid.uuid4()), app_id=str(uuid.uuid4()), app_secret="c" * 36)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its signed token
        made.create_conn()
    return made


api = connected()
USER = "/users/v2/1"


def outcome(call):
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            response = call()
    except WaitsForEver:
        return "waits for ever"
    except Exception as error:
        return f"raises {type(error).__name__}"
    return f"is_success {response.is_success}"


def user():
    return api.get_user("1")


# It repeats a 429 without an end, and a 500 up to 250 times: the clock ends that here after 200 pauses.
ENDLESS = {429: 201, 500: 202}
for name, service, status, _ in rows("arctic-wolf"):
    if service == "aurora":  # the managed services have no library
        plan(USER, {"code": name}, repeat=True)
        got = outcome(user), asked(USER)
        expected = ("waits for ever", ENDLESS[status]) if status in ENDLESS else ("is_success False", 1)
        row(name, expected, got, list(SLEPT)[:3], ours("arctic-wolf/aurora", USER.lstrip("/"), USER))
plan(USER, {"status": 429, "times": 2}, {"status": 200})
got = f"`{outcome(user)}`, {asked(USER)} sent"
plan(USER, {"status": 429}, repeat=True)
kind, sent, pause = ours("arctic-wolf/aurora", USER.lstrip("/"), USER)
note("429 twice, then 200", "`is_success True`, 3 sent", got, f"`{kind}`, would wait {pause}")
finish(sys.argv[1])
