"""What the scripts share: the simulator's control endpoint, a clock that does not wait, and the record of what was met."""

import json
import os
import sys
import time
import urllib.request

URL = os.environ["SIMULATOR_URL"]
SLEPT = []


class WaitsForEver(Exception):
    """The library went on waiting when there was nothing to wait for."""


def sleep(seconds):
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    SLEPT.append(round(float(seconds), 1))
    if len(SLEPT) > 200:
        raise WaitsForEver


time.sleep = sleep
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def control(method, what, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{URL}/__scanyard/{what}", data, {"content-type": "application/json"}, method=method)
    with OPENER.open(request) as answer:
        text = answer.read()
    return json.loads(text) if text else None


def plan(path, *steps, method=None, repeat=False):
    """The next requests for a path get these steps."""
    match = {"path": path} | ({"method": method} if method else {})
    control("PUT", "plan", {"rules": [{"match": match, "then": list(steps), "repeat": repeat}]})
    control("DELETE", "requests")
    SLEPT.clear()


def asked(path):
    """How often a path was asked for since the plan was made."""
    return sum(1 for request in control("GET", "requests")["requests"] if request["path"] == path)


ROWS, WRONG = [], []


def met(failure, expected, got, ours=""):
    """One line of the table; the run fails when a library does not do what is known of it."""
    ROWS.append((failure, got, ours))
    if got != expected:
        WRONG.append(f"{failure}: expected {expected!r}, got {got!r}")


def finish(title):
    print(f"### {title}\n\n| failure | it does | ours |\n|---|---|---|")
    for failure, got, ours in ROWS:
        print(f"| {failure} | {got} | {ours} |")
    print()
    for line in WRONG:
        print(f"{title}: {line}", file=sys.stderr)
    sys.exit(1 if WRONG else 0)
