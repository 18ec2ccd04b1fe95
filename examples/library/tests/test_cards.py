"""What stands on a card."""

from __future__ import annotations

import unittest

from lending.members import card_number, is_card


class CardTest(unittest.TestCase):
    def test_every_card_is_known_again(self) -> None:
        for number in range(0, 5_000, 7):
            self.assertTrue(is_card(card_number(number)))

    def test_a_wrong_digit_is_found(self) -> None:
        self.assertEqual(card_number(123), "L000123-6")
        self.assertFalse(is_card("L000123-7"))
        self.assertFalse(is_card("library"))


if __name__ == "__main__":
    unittest.main()
