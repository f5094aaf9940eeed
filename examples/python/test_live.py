"""The client against the live server of SCANYARD_URL; `scripts/test-examples` runs it."""

import os
import unittest

from scanyard import Scanyard, ScanyardError


class Live(unittest.TestCase):
    def test_a_failure_is_one_error_with_code_details_and_request_id(self):
        with self.assertRaises(ScanyardError) as caught:
            Scanyard().scan("127.0.0.1", "nessus")
        error = caught.exception
        self.assertEqual((error.status, error.code, error.retryable), (400, "INVALID_SCAN_TYPE", False))
        self.assertEqual(error.details[0]["field"], "scanType")
        self.assertEqual(len(error.request_id), 36)
        self.assertIn("/errors/", error.help)

    def test_the_stated_wait_is_kept_and_the_last_answer_is_raised(self):
        waits = []
        api = Scanyard(key=os.environ["SCANYARD_NARROW_KEY"], attempts=3, sleep=waits.append)
        with self.assertRaises(ScanyardError) as caught:
            for _ in range(3):
                api.call("GET", "/engines")
        self.assertEqual(caught.exception.code, "RATE_LIMIT_EXCEEDED")
        self.assertEqual(len(waits), 2)
        self.assertTrue(all(isinstance(wait, int) and 1 <= wait <= 60 for wait in waits), waits)

    def test_a_cancelled_scan_stays_cancelled_and_says_so(self):
        api = Scanyard()
        scan = api.scan("127.0.0.1", "sentinel", options={"ports": "1-65535"})
        self.assertEqual(api.cancel(scan)["status"], "cancelled")
        with self.assertRaises(ScanyardError) as caught:
            api.cancel(scan)
        self.assertEqual(caught.exception.code, "SCAN_ALREADY_CANCELLED")

    def test_a_list_is_walked_to_its_end(self):
        api = Scanyard()
        made = {api.scan("127.0.0.1", "sentinel", options={"ports": "1"})["id"] for _ in range(3)}
        self.assertLessEqual(made, {scan["id"] for scan in api.every("/scans", limit=2)})


if __name__ == "__main__":
    unittest.main()
