"""Who has which book, and until when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta

from lending.books import Book
from lending.members import Member

LOAN_DAYS = 28
MOST_RENEWALS = 2


@dataclass
class Loan:
    """A book that a member has."""

    book: Book
    member: Member
    due: date
    renewals: int = 0

    def renew(self) -> None:
        """Have it for longer; ValueError when that was done too often."""
        if self.renewals >= MOST_RENEWALS:
            raise ValueError(f"{self.book.title} was renewed {self.renewals} times")
        self.renewals += 1
        self.due += timedelta(days=LOAN_DAYS)

    def days_late(self, today: date) -> int:
        """Days since it was due; 0 before that."""
        return max(0, (today - self.due).days)


@dataclass
class Desk:
    """Lends books and takes them back."""

    loans: dict[str, Loan] = field(default_factory=dict)

    def lend(self, book: Book, member: Member, today: date) -> Loan:
        """Hand a book out; ValueError when it is out or the member has enough."""
        if book.isbn in self.loans:
            raise ValueError(f"{book.title} is out")
        if len(self.of(member)) >= member.most_books:
            raise ValueError(f"{member.name} has enough books")
        loan = Loan(book, member, today + timedelta(days=LOAN_DAYS))
        self.loans[book.isbn] = loan
        return loan

    def take_back(self, isbn: str) -> Loan:
        """A book has come back; KeyError when nobody had it."""
        return self.loans.pop(isbn)

    def of(self, member: Member) -> list[Loan]:
        """What a member has."""
        return [loan for loan in self.loans.values() if loan.member == member]

    def late(self, today: date) -> list[Loan]:
        """What should have come back, the latest first."""
        late = [loan for loan in self.loans.values() if loan.days_late(today)]
        return sorted(late, key=lambda loan: loan.due)
