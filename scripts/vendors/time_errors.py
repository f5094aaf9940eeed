"""How long a vendor's library takes to make an error of an answer, in microseconds: what stands between the answer's arrival
and the exception in the caller's hands, without sending, waiting or logging. Arguments: the contract, a file of failures."""

import json
import logging
import sys
import time

import requests

logging.disable(logging.CRITICAL)
ROUNDS = 50


def answers(file):
    for failed in json.load(open(file, encoding="utf-8")):
        response = requests.Response()
        response.status_code = failed["status"]
        response._content = failed["body"].encode()
        response.headers.update(failed["headers"])
        response.url = failed["url"]
        response.encoding = "utf-8"
        response.request = requests.Request("GET", failed["url"]).prepare()
        yield response


def tenable():
    from tenable.errors import APIError
    from tenable.io import TenableIO

    tio = TenableIO("accessKey", "secretKey", vendor="Scanyard", product="test", build="1")

    def make(response):
        try:
            raise tio._error_map.get(response.status_code, APIError)(response, retries=0, func=tio._error_func)
        except APIError as error:
            return error

    return make


def zscaler():
    from zscaler.errors.response_checker import check_response_for_error

    def make(response):
        return check_response_for_error(response.url, response, response.text)[1]

    return make


make = {"tenable": tenable, "zscaler": zscaler}[sys.argv[1]]()
responses = list(answers(sys.argv[2]))
for response in responses:
    assert make(response) is not None, response.status_code
started = time.perf_counter()
for _ in range(ROUNDS):
    for response in responses:
        make(response)
print((time.perf_counter() - started) * 1e6 / ROUNDS / len(responses))
