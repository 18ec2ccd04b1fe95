"""What stands on the shelf."""

from __future__ import annotations

import unittest

from lending.books import Book, Shelf

BOOK = Book("9783161484100", "Tides", "Ida North", 1999)


class ShelfTest(unittest.TestCase):
    def test_a_book_stands_there_once(self) -> None:
        shelf = Shelf()
        shelf.add(BOOK)
        with self.assertRaisesRegex(ValueError, "already"):
            shelf.add(BOOK)

    def test_a_book_needs_an_isbn(self) -> None:
        with self.assertRaisesRegex(ValueError, "no ISBN"):
            Shelf().add(Book("1", "Tides", "Ida North", 1999))


if __name__ == "__main__":
    unittest.main()
