"""Checks that a webhook delivery is genuine, with nothing but hmac: both signatures that every delivery carries.

Run as a program it is a receiver over HTTPS: webhook.py PORT CERT KEY SECRET_FILE.
"""

import base64
import hashlib
import hmac
import time

# A delivery older or newer than this is refused, so that nobody can send an old one again. Seconds.
TOLERANCE = 300


def key_of(secret):
    """The key of the Standard Webhooks signature: what the secret holds after its prefix, decoded."""
    return base64.b64decode(secret.removeprefix("whsec_"))


def is_genuine(secret, headers, body, now=None):
    """Whether `body` (bytes, exactly as received) was sent by who knows the secret. Header names in lower case.

    `webhook-signature` holds one or more `v1,<base64>` parted by blanks: during a rotation one for each secret.
    """
    now = time.time() if now is None else now
    try:
        sent_at = int(headers["webhook-timestamp"])
        given = headers["webhook-signature"].split(" ")
        signed = f"{headers['webhook-id']}.{sent_at}.".encode() + body
    except (KeyError, ValueError):
        return False
    if abs(now - sent_at) > TOLERANCE:
        return False
    expected = base64.b64encode(hmac.new(key_of(secret), signed, hashlib.sha256).digest()).decode()
    # Every one is compared, in constant time.
    return any([hmac.compare_digest(f"v1,{expected}", signature) for signature in given])


def is_genuine_certix(secret, headers, body):
    """The same by `X-CertIX-Signature: sha256=<hex>`, the HMAC of the body alone with the whole secret as key.

    It has no time in it: an old delivery can be sent again. Prefer `is_genuine`.
    """
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    given = headers.get("x-certix-signature", "").split(", ")
    return any([hmac.compare_digest(expected, signature) for signature in given])


def main():
    import http.server
    import json
    import pathlib
    import ssl
    import sys

    port, cert, key, secret_file = int(sys.argv[1]), sys.argv[2], sys.argv[3], pathlib.Path(sys.argv[4])

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            # Read for every delivery, so that a rotated secret is taken without a restart.
            secret = secret_file.read_text().strip() if secret_file.exists() else ""
            headers = {name.lower(): value for name, value in self.headers.items()}
            genuine = is_genuine(secret, headers, body) and is_genuine_certix(secret, headers, body)
            # Answer first, work later: a receiver that takes longer than 10 s counts as failed. The id is the same on
            # every attempt: who stores it can tell a repeat.
            self.send_response(204 if genuine else 401)
            self.end_headers()
            if genuine:
                event = json.loads(body)
                print(headers["webhook-id"], headers["x-certix-event"], json.dumps(event.get("data")), flush=True)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
