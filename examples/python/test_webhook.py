"""What the two checks take and what they refuse; `python3 -m unittest` runs it."""

import base64
import hashlib
import hmac
import unittest

from webhook import is_genuine, is_genuine_certix

SECRET = "whsec_" + "0123456789abcdef" * 3 + "0123"
BODY = b'{"type":"scan.completed"}'
NOW = 1_772_791_200


def signed(secret=SECRET, body=BODY, at=NOW):
    key = base64.b64decode(secret[len("whsec_"):])
    mac = hmac.new(key, b"dlv-1." + str(at).encode() + b"." + body, hashlib.sha256)
    return {
        "webhook-id": "dlv-1",
        "webhook-timestamp": str(at),
        "webhook-signature": "v1," + base64.b64encode(mac.digest()).decode(),
        "x-certix-signature": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }


class Signatures(unittest.TestCase):
    def test_a_genuine_delivery_is_taken(self):
        self.assertTrue(is_genuine(SECRET, signed(), BODY, NOW))
        self.assertTrue(is_genuine_certix(SECRET, signed(), BODY))

    def test_during_a_rotation_one_of_two_is_enough(self):
        other = "whsec_" + "f" * 52
        both = signed(other)
        both["webhook-signature"] += " " + signed()["webhook-signature"]
        both["x-certix-signature"] += ", " + signed()["x-certix-signature"]
        for secret in (SECRET, other):
            self.assertTrue(is_genuine(secret, both, BODY, NOW))
            self.assertTrue(is_genuine_certix(secret, both, BODY))

    def test_what_was_changed_is_refused(self):
        self.assertFalse(is_genuine(SECRET, signed(), BODY + b" ", NOW))
        self.assertFalse(is_genuine_certix(SECRET, signed(), BODY + b" "))
        self.assertFalse(is_genuine(SECRET, {**signed(), "webhook-id": "dlv-2"}, BODY, NOW))
        self.assertFalse(is_genuine("whsec_" + "f" * 52, signed(), BODY, NOW))

    def test_what_is_old_or_bare_is_refused(self):
        self.assertFalse(is_genuine(SECRET, signed(), BODY, NOW + 301))
        self.assertFalse(is_genuine(SECRET, signed(), BODY, NOW - 301))
        self.assertFalse(is_genuine(SECRET, {}, BODY, NOW))
        self.assertFalse(is_genuine(SECRET, {**signed(), "webhook-timestamp": "soon"}, BODY, NOW))
        self.assertFalse(is_genuine_certix(SECRET, {}, BODY))


if __name__ == "__main__":
    unittest.main()
