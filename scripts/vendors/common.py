"""What the scripts share: the simulator's control endpoint, the catalogue, a clock that does not wait, our own client's run of
the same failure, and the record of what was met."""

import atexit
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

URL = os.environ["SIMULATOR_URL"]
PROGRAM = os.environ["SCANYARD_PROGRAM"]
CATALOGUE = pathlib.Path(__file__).parents[2] / "docs/errors/errors.json"
SLEPT = []


class WaitsForEver(Exception):
    """The library went on waiting when there was nothing to wait for."""


def sleep(seconds):
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    SLEPT.append(float(seconds))
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


def rows(contract):
    """The failures of a contract that an answer can be: (id, service, status, code)."""
    errors = json.loads(CATALOGUE.read_text(encoding="utf-8"))["errors"]
    for row in errors:
        is_failure = (row.get("status") or 400) >= 400 or row.get("code") == "errors"
        if row["contract"] == contract and is_failure and not row["id"].endswith("/other"):
            yield row["id"], row.get("service"), row.get("status"), row.get("code")


def plan(path, *steps, method=None, repeat=False):
    """The next requests for a path get these steps."""
    match = {"path": path} | ({"method": method} if method else {})
    control("PUT", "plan", {"rules": [{"match": match, "then": list(steps), "repeat": repeat}]})
    control("DELETE", "requests")
    SLEPT.clear()


def asked(path):
    """How often a path was asked for since the plan was made."""
    return sum(1 for request in control("GET", "requests")["requests"] if request["path"] == path)


def waits(seconds):
    """Pauses in a few words; random parts of a second are not told, nor how long it is since 1970."""
    whole = [round(second) for second in seconds]
    if not whole:
        return "–"
    if min(whole) > 1e9:
        return f"{len(whole)} × the seconds since 1970"
    if len(set(whole)) == 1 and len(whole) > 1:
        return f"{len(whole)} × {whole[0]} s"
    return ", ".join(str(second) for second in whole) + " s"


def profiles():
    """A file of profiles for every way of ours to the simulator; it holds no secret, only where each is."""
    one, env = "00000000-0000-4000-8000-000000000001", '{ env = "SIMULATED_SECRET" }'
    legacy = f'contract = "zscaler-legacy"\naddress = "{URL}"\n'
    wrong = '{ env = "SIMULATED_WRONG" }'

    def admin(password):
        return f'username = "ada@example.test"\npassword = {password}\napi_key = {{ env = "SIMULATED_KEY" }}\n'

    tenable = f'contract = "tenable"\naddress = "{URL}"\n'
    keys = f"access_key = {env}\nsecret_key = {env}\n"
    each = {
        "tenable": tenable + keys,
        "tenable-impersonating": tenable + keys + 'impersonate = "bob@example.test"\n',
        "tenable-session": f'{tenable}username = "ada@example.test"\npassword = {env}\n',
        "tenable-wrong": f'{tenable}username = "ada@example.test"\npassword = {wrong}\n',
        "zscaler": f'contract = "zscaler"\ngateway = "{URL}"\nlogin = "{URL}"\nclient_id = "id"\nclient_secret = {env}\n',
        "arctic-wolf": f'contract = "arctic-wolf"\naddress = "{URL}"\ntenant_id = "{one}"\napplication_id = "{one}"\n'
                       f"application_secret = {env}\n",
    }
    for end, secret in {"": env, "-wrong": wrong}.items():
        each |= {
            f"zia{end}": f'{legacy}service = "zia"\n{admin(secret)}',
            f"cbc{end}": f'{legacy}service = "cbc"\n{admin(secret)}',
            f"zpa{end}": f'{legacy}service = "zpa"\nclient_id = "id"\nclient_secret = {secret}\n',
            f"zcc{end}": f'{legacy}service = "zcc"\napi_key = {env}\nsecret_key = {secret}\n',
        }
    directory = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, directory)
    file = pathlib.Path(directory, "profiles.toml")
    file.write_text("\n".join(f"[profile.{name}]\n{text}" for name, text in each.items()), encoding="utf-8")
    return str(file)


PLACE = {"SCANYARD_PROFILES": profiles(), "SIMULATED_SECRET": "Correct-Horse-1", "SIMULATED_WRONG": "wrong",
         "SIMULATED_KEY": "0123456789ab"}


def scanyard(*arguments):
    """Runs our program straight, not through a proxy."""
    environment = {name: value for name, value in os.environ.items() if "PROXY" not in name.upper()} | PLACE
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, check=False, env=environment)


def ours(api, path, counted, method="GET", more=(), profile=None, patience=0):
    """What our client does with the failure that is planned: its kind, how often it sent, what it would wait. It is told to
    wait for no longer than `patience`, so that a stated wait comes back with the error."""
    control("DELETE", "requests")
    profile = profile or api.split("/")[0]
    run = scanyard("call", api, method, path, "--profile", profile, "--format", "json", "--max-wait", str(patience), *more)
    if not run.stdout.strip():
        raise RuntimeError(f"{run.args}: {run.stderr}")
    document = json.loads(run.stdout)
    error, sent = document.get("error"), asked(counted)
    if error is None:
        return "no error", sent, "–"
    if error.get("waitMs") is not None:
        pause = f"{error['waitMs'] / 1000:g} s"
    else:
        pause = "backoff" if error.get("stop") == "attempts" and sent > 2 else "–"
    return error["causeKind"], sent, pause


def paged(api, path):
    """What our client says of a list: its kind of failure, or how many items it has."""
    run = scanyard("call", api, "GET", path, "--profile", api.split("/")[0], "--paginate", "--retries", "0")
    return f"{len(run.stdout.splitlines())} items" if run.returncode == 0 else f"`{run.stderr.split()[0].rstrip(',')}`"


def exported():
    """What our export comes to: its kind of failure, or how many items it has."""
    run = scanyard("export", "tenable", "vulns", "--profile", "tenable")
    if run.returncode == 0:
        return f"{len(run.stdout.splitlines())} items"
    return f"`{run.stderr.split()[0].rstrip(',')}`"


ROWS, NOTES, WRONG = [], [], []


def row(name, expected, got, slept, mine):
    """One failure: what is known of the library as (outcome, sent), what it did, what it slept, and what ours did."""
    ROWS.append((name, f"`{got[0]}`", got[1], waits(slept), f"`{mine[0]}`", mine[1], mine[2]))
    if got != expected:
        WRONG.append(f"{name}: expected {expected!r}, got {got!r}")


def note(what, expected, got, mine):
    """Behaviour beside the rows."""
    NOTES.append((what, got, mine))
    if got != expected:
        WRONG.append(f"{what}: expected {expected!r}, got {got!r}")


def finish(title):
    print(f"### {title}\n\n| failure | it does | sent | waits | ours | sent | would wait |\n|---|---|---|---|---|---|---|")
    for cells in ROWS:
        print("| " + " | ".join(str(cell) for cell in cells) + " |")
    if NOTES:
        print("\n| beside these | it does | ours |\n|---|---|---|")
        for cells in NOTES:
            print("| " + " | ".join(str(cell) for cell in cells) + " |")
    print()
    for line in WRONG:
        print(f"{title}: {line}", file=sys.stderr)
    sys.exit(1 if WRONG else 0)
