"""How much a member may borrow."""

from __future__ import annotations

import unittest

from lending.members import Level, Member


class MemberTest(unittest.TestCase):
    def test_most_books_follow_the_level(self) -> None:
        self.assertEqual(Member("L1", "Ann").most_books, 6)
        self.assertEqual(Member("L2", "Bo", Level.CHILD).most_books, 3)
        self.assertEqual(Member("L3", "Cy", Level.TEACHER).most_books, 30)


if __name__ == "__main__":
    unittest.main()
