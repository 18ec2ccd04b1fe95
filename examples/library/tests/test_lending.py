"""Handing books out and taking them back."""

from __future__ import annotations

import unittest
from datetime import date

from lending.books import Book
from lending.loans import Desk
from lending.members import Level, Member

TODAY = date(2026, 3, 2)
CHILD = Member("L2", "Bo", Level.CHILD)


def book(number: int) -> Book:
    return Book(str(number), f"Book {number}", "Ida North", 2000)


class LendingTest(unittest.TestCase):
    def test_a_book_goes_out_once(self) -> None:
        desk = Desk()
        desk.lend(book(1), CHILD, TODAY)
        with self.assertRaisesRegex(ValueError, "is out"):
            desk.lend(book(1), CHILD, TODAY)
        desk.take_back("1")
        desk.lend(book(1), CHILD, TODAY)

    def test_a_child_has_three_at_most(self) -> None:
        desk = Desk()
        for number in range(3):
            desk.lend(book(number), CHILD, TODAY)
        with self.assertRaisesRegex(ValueError, "enough"):
            desk.lend(book(4), CHILD, TODAY)


if __name__ == "__main__":
    unittest.main()
