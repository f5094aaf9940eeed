#!/usr/bin/env python3
"""Scans a target and prints what was found: scan.py TARGET [ENGINE]. Exits with 1 at a high or critical finding."""

import sys

from scanyard import Scanyard, ScanyardError


def main():
    target, engine = sys.argv[1], (sys.argv[2] if len(sys.argv) > 2 else "sentinel")
    api = Scanyard()
    try:
        scan = api.wait(api.scan(target, engine))
        results = api.results(scan)
    except ScanyardError as error:
        if error.code == "QUOTA_EXCEEDED":
            print("The quota of this month is used up.", file=sys.stderr)
        print(error, file=sys.stderr)
        return 4
    for finding in results["findings"]:
        location = finding["location"]
        print(finding["severity"], finding["title"], location.get("url") or location.get("host"), sep="\t")
    if scan["status"] != "completed":
        # A scan that did not reach its target is never a clean one.
        print(f"{scan['status']}: {results.get('failure')}", file=sys.stderr)
        return 3
    return 1 if any(finding["severity"] in ("high", "critical") for finding in results["findings"]) else 0


sys.exit(main())
