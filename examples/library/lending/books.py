"""Books and the shelf they stand on."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Book:
    """One copy of a book."""

    isbn: str
    title: str
    author: str
    year: int


def is_isbn(text: str) -> bool:
    """Whether a text is an ISBN-13: thirteen digits, the last of which checks the others."""
    digits = text.replace("-", "")
    if len(digits) != 13 or not digits.isascii() or not digits.isdigit():
        return False
    total = sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits))
    return total % 10 == 0


@dataclass
class Shelf:
    """Books by their ISBN."""

    books: dict[str, Book] = field(default_factory=dict)

    def add(self, book: Book) -> None:
        """Put a book on the shelf; ValueError when it has no ISBN or stands there already."""
        if not is_isbn(book.isbn):
            raise ValueError(f"{book.isbn} is no ISBN")
        if book.isbn in self.books:
            raise ValueError(f"{book.title} stands there already")
        self.books[book.isbn] = book

    def by_author(self, author: str) -> list[Book]:
        """Books of an author, the oldest first."""
        found = [book for book in self.books.values() if book.author == author]
        return sorted(found, key=lambda book: book.year)

    def search(self, words: str) -> list[Book]:
        """Books whose title has all these words in it."""
        wanted = words.lower().split()
        return [b for b in self.books.values() if all(word in b.title.lower() for word in wanted)]
