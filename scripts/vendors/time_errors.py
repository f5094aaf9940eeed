"""How long a vendor's library takes from the bytes of an answer to the error in the caller's hands, in microseconds: first to the
answer of the HTTP library (http.client, urllib3, requests) alone, then to the error. Arguments: the contract, a file of failures.

Untouched are http.client's and urllib3's reading of the answer, what requests.Session.send does with it, and the library's own
request method with its decision whether to repeat, repeats being off. Of each figure the median of all rounds. The connection is memory; preparing and sending the request
comes before the clock starts. Nothing is slept, nothing is logged."""

import io
import json
import logging
import statistics
import sys
import time

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

logging.disable(logging.CRITICAL)
time.sleep = lambda seconds: None
ROUNDS = 200


class Memory:
    """A socket whose other end has answered."""

    def __init__(self, answer):
        self.answer = answer

    def makefile(self, *_, **__):
        return io.BytesIO(self.answer)

    def sendall(self, _):
        pass

    def settimeout(self, _):
        pass

    def close(self):
        pass


class Adapter(HTTPAdapter):
    """What requests' own does once the request is sent."""

    def send(self, request, **_):
        return self.build_response(request, request.connection.getresponse())


SESSION = requests.Session()
SESSION.mount("http://", Adapter())


def asked(failed):
    """A request that is on its way, its answer about to be read."""
    request = requests.Request("GET", failed["url"]).prepare()
    request.connection = HTTPConnection("127.0.0.1")
    request.connection.sock = Memory(failed["answer"].encode())
    request.connection.request("GET", request.path_url, preload_content=False, decode_content=False)
    return request


def arrive(request):
    # As requests.Session.request calls it, the environment's proxies having been looked up before.
    return SESSION.send(request, proxies={}, stream=False, verify=True, cert=None, timeout=120, allow_redirects=True)


class Arrives:
    """Stands where the library keeps its requests.Session: whatever it asks for, the next answer arrives."""

    ahead = None

    def request(self, *_, **__):
        return arrive(self.ahead)


def tenable():
    from tenable.errors import APIError
    from tenable.io import TenableIO

    tio = TenableIO("accessKey", "secretKey", vendor="Scanyard", product="test", build="1", retries=0)
    tio._session = arrives = Arrives()

    def make(_):
        try:
            return tio.get("scans")
        except APIError as error:
            return error

    return arrives, (lambda failed: None), make, lambda error: error.code


def zscaler():
    from zscaler import ZscalerClient
    from zscaler.oneapi_oauth_client import OAuth

    OAuth._get_access_token = lambda self: "token"
    client = ZscalerClient({"clientId": "a", "clientSecret": "b", "vanityDomain": "acme", "cache": {"enabled": False},
                            "logging": {"enabled": False}, "rateLimit": {"maxRetries": 0}})
    executor, arrives = client.get_request_executor(), Arrives()
    executor.set_session(arrives)

    def before(failed):
        return executor.create_request("GET", "/" + failed["url"].split("/", 3)[3])[0]

    def make(request):
        return executor.execute(request)[1]

    # A 401 comes without its status.
    return arrives, before, make, lambda error: getattr(error, "status_code", getattr(error, "status", None))


arrives, before, make, status_of = {"tenable": tenable, "zscaler": zscaler}[sys.argv[1]]()
failures = json.load(open(sys.argv[2], encoding="utf-8"))
to_answer, to_error = [], []
for _ in range(ROUNDS):
    took = made = 0
    for failed in failures:
        request = asked(failed)
        started = time.perf_counter()
        response = arrive(request)
        took += time.perf_counter() - started
        assert response.status_code == failed["status"] and response.content is not None
        arrives.ahead, prepared = asked(failed), before(failed)
        started = time.perf_counter()
        error = make(prepared)
        made += time.perf_counter() - started
        assert isinstance(error, Exception) and status_of(error) in (failed["status"], None), failed
    to_answer.append(took)
    to_error.append(made)
print(*(statistics.median(rounds) * 1e6 / len(failures) for rounds in (to_answer, to_error)))
