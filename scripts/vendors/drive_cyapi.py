"""cyapi (Arctic Wolf Aurora) against the simulator: it answers a value, and raises only at the token."""

import contextlib
import io
import sys
import uuid

from common import URL, asked, finish, met, plan

from cyapi.cyapi import CyAPI

api = CyAPI(tid=str(uuid.uuid4()), app_id=str(uuid.uuid4()), app_secret="c" * 36)
api.baseURL = f"{URL}/"
with contextlib.redirect_stdout(io.StringIO()):  # it prints its signed token
    api.create_conn()


def outcome(call):
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            response = call()
    except Exception as error:
        return f"raises {type(error).__name__}"
    return f"is_success {response.is_success}"


OURS = {400: "bad_request", 401: "unauthenticated, one fresh token", 403: "permission", 404: "not_found (URL or key)",
        409: "conflict", 501: "not_implemented"}
for status, ours in OURS.items():
    plan("/users/v2/1", {"status": status}, repeat=True)
    got = outcome(lambda: api.get_user("1"))
    met(f"{status}", "is_success False, 1 sent", f"{got}, {asked('/users/v2/1')} sent", ours)
plan("/users/v2/1", {"status": 429, "times": 2}, {"status": 200})
got = outcome(lambda: api.get_user("1"))
met("429 twice, then 200", "is_success True, 3 sent", f"{got}, {asked('/users/v2/1')} sent", "waits as stated, else 60 s")
finish(sys.argv[1])
