"""Finding books."""

from __future__ import annotations

import unittest

from lending.books import Book, Shelf


class SearchTest(unittest.TestCase):
    def setUp(self) -> None:
        self.shelf = Shelf()
        self.shelf.add(Book("9783161484100", "Tides of the North", "Ida North", 1999))
        self.shelf.add(Book("9780306406157", "North and South", "Ida North", 1990))

    def test_all_words_must_be_there(self) -> None:
        self.assertEqual([b.year for b in self.shelf.search("north tides")], [1999])
        self.assertEqual(self.shelf.search("east"), [])

    def test_an_author_begins_with_the_oldest_book(self) -> None:
        self.assertEqual([b.year for b in self.shelf.by_author("Ida North")], [1990, 1999])


if __name__ == "__main__":
    unittest.main()
