"""What should have come back."""

from __future__ import annotations

import unittest
from datetime import date, timedelta

from lending.books import Book
from lending.loans import Desk
from lending.members import Member

TODAY = date(2026, 3, 2)


class LateTest(unittest.TestCase):
    def test_the_latest_comes_first(self) -> None:
        desk = Desk()
        for number in range(3):
            day = TODAY - timedelta(days=30 + number)
            desk.lend(Book(str(number), f"Book {number}", "Ida North", 2000), Member("L1", "Ann"), day)
        self.assertEqual([loan.book.isbn for loan in desk.late(TODAY)], ["2", "1", "0"])
        self.assertEqual(desk.late(TODAY - timedelta(days=9)), [])


if __name__ == "__main__":
    unittest.main()
