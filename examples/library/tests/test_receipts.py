"""What stands on a receipt."""

from __future__ import annotations

import unittest

from lending.fines import as_text


class ReceiptTest(unittest.TestCase):
    def test_cents_have_two_digits(self) -> None:
        self.assertEqual([as_text(c) for c in (0, 5, 120, 1_000)], ["0.00", "0.05", "1.20", "10.00"])


if __name__ == "__main__":
    unittest.main()
