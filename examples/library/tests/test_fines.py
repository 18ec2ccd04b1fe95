"""What a late return costs."""

from __future__ import annotations

import unittest

from lending.fines import MOST, fine, total
from lending.members import Level


class FineTest(unittest.TestCase):
    def test_the_first_days_are_free(self) -> None:
        self.assertEqual([fine(Level.ADULT, days) for days in range(4)], [0, 0, 0, 20])

    def test_it_has_an_end(self) -> None:
        self.assertEqual(fine(Level.CHILD, 10_000), MOST)

    def test_books_add_up(self) -> None:
        self.assertEqual(total(Level.TEACHER, [3, 4, 0]), 30)


if __name__ == "__main__":
    unittest.main()
