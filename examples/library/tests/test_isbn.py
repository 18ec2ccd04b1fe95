"""Which texts are an ISBN."""

from __future__ import annotations

import unittest

from lending.books import is_isbn


class IsbnTest(unittest.TestCase):
    def test_the_last_digit_checks_the_others(self) -> None:
        self.assertTrue(is_isbn("978-3-16-148410-0"))
        self.assertFalse(is_isbn("978-3-16-148410-1"))

    def test_anything_else_is_none(self) -> None:
        for text in ("", "978", "978316148410X", "97831614841000"):
            self.assertFalse(is_isbn(text), text)


if __name__ == "__main__":
    unittest.main()
