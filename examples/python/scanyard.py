"""A client of the Scan API in one file, with requests and nothing else: copy it and change it.

One error for every failure, waits that the server states, POSTs that can be repeated, and pages that are whole.
"""

import os
import time
import uuid

import requests


class ScanyardError(Exception):
    """A failure as the API told it. Branch on `code`; show `details`; quote `request_id` to support."""

    def __init__(self, status, body):
        self.status = status
        self.code = body.get("code", "")
        self.message = body.get("error", "")
        self.details = body.get("details", [])
        self.request_id = body.get("requestId", "")
        self.retryable = body.get("retryable", False)
        self.help = body.get("help", "")
        lines = [f"{status} {self.code}: {self.message} [request {self.request_id}]"]
        lines += [f"  {detail.get('field', '-')}: {detail['reason']}" for detail in self.details]
        super().__init__("\n".join(lines))


class Scanyard:
    """The API of one server with one key."""

    def __init__(self, url=None, key=None, ca_file=None, attempts=5, longest_wait=60, sleep=time.sleep):
        self.base = (url or os.environ["SCANYARD_URL"]).rstrip("/") + "/scan-api/api/v1"
        self.attempts, self.longest_wait, self.sleep = attempts, longest_wait, sleep
        self.session = requests.Session()
        self.session.headers["X-API-Key"] = key or os.environ["SCANYARD_API_KEY"]
        self.ca_file = ca_file or os.environ.get("SCANYARD_CA_FILE")

    def call(self, method, path, *, query=None, body=None):
        """Sends a request until it succeeds, fails for good, or was sent often enough; gives the answer's JSON."""
        headers = {}
        if method == "POST":
            # The same key on every attempt: a POST whose answer was lost is not carried out twice.
            headers["Idempotency-Key"] = str(uuid.uuid4())
        for attempt in range(1, self.attempts + 1):
            is_last = attempt == self.attempts
            try:
                answer = self.session.request(
                    method, self.base + path, params=query, json=body, headers=headers, timeout=60,
                    # Here and not on the session: a variable REQUESTS_CA_BUNDLE would win over the session's.
                    verify=self.ca_file or True,
                )
            except requests.exceptions.SSLError:
                raise  # The certificate will not be another one in a second.
            except (requests.ConnectionError, requests.Timeout):
                if is_last:
                    raise
                self.sleep(2 ** (attempt - 1))
                continue
            if answer.ok:
                return answer.json()
            error = ScanyardError(answer.status_code, answer.json())
            # Retry-After is whole seconds, always.
            wait = int(answer.headers.get("Retry-After", 2 ** (attempt - 1)))
            if not error.retryable or is_last or wait > self.longest_wait:
                raise error
            self.sleep(wait)

    def scan(self, target, scan_type, **more):
        """Submits a scan; `more` are members of the body, such as `name` or `options`."""
        return self.call("POST", "/scans", body={"target": target, "scanType": scan_type, **more})["data"]

    def wait(self, scan, pause=1.0):
        """Watches a scan to its end."""
        while scan["status"] in ("queued", "running"):
            self.sleep(pause)
            scan = self.call("GET", f"/scans/{scan['id']}", query={"scanType": scan["scanType"]})["data"]
        return scan

    def cancel(self, scan):
        return self.call("POST", f"/scans/{scan['id']}/cancel?scanType={scan['scanType']}")["data"]

    def results(self, scan):
        """The results with all findings: every page, or an exception."""
        query, results = {"scanType": scan["scanType"], "limit": 100}, None
        while True:
            page = self.call("GET", f"/scans/{scan['id']}/results", query=query)
            if results is None:
                results = page["data"]
            else:
                results["findings"] += page["data"]["findings"]
            cursor = page["pagination"].get("nextCursor")
            if not cursor:
                return results
            query["cursor"] = cursor

    def every(self, path, **query):
        """Every item of a list."""
        while True:
            page = self.call("GET", path, query=query)
            yield from page["data"]
            cursor = page["pagination"].get("nextCursor")
            if not cursor:
                return
            query["cursor"] = cursor
