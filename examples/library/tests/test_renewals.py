"""Having a book for longer."""

from __future__ import annotations

import unittest
from datetime import date

from lending.books import Book
from lending.loans import Loan
from lending.members import Member


class RenewalTest(unittest.TestCase):
    def test_it_can_be_renewed_twice(self) -> None:
        loan = Loan(Book("1", "Tides", "Ida North", 1999), Member("L1", "Ann"), date(2026, 3, 2))
        loan.renew()
        loan.renew()
        self.assertEqual(loan.due, date(2026, 4, 27))
        with self.assertRaisesRegex(ValueError, "renewed 2 times"):
            loan.renew()


if __name__ == "__main__":
    unittest.main()
