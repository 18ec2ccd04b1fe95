"""Extract the texts of the interface and keep the catalogues; `make translations` runs it.

New texts come into `luna.po` without a translation, those that are gone leave it, and `luna.mo`, which
the program reads, is compiled. A test says which texts still have none.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from luna_tui.storage.translations import DOMAIN, FOLDER

PACKAGE = FOLDER.parent
LANGUAGE = "pt_BR"
KEYWORDS = {"_": None, "N_": None, "_n": (1, 2), "_p": ((1, "c"), 2)}
PO = FOLDER / LANGUAGE / "LC_MESSAGES" / f"{DOMAIN}.po"
MO = PO.with_suffix(".mo")


def extracted() -> Catalog:
    """Every text of the interface, with where it stands."""
    found = Catalog(project="luna-tui")
    for path, line, message, _comments, context in extract_from_dir(PACKAGE, keywords=KEYWORDS):
        if message:
            found.add(message, locations=[(str(Path("luna_tui") / path), line)], context=context)
    return found


def known() -> Catalog:
    """The catalogue as it is kept."""
    if not PO.exists():
        return Catalog(locale=LANGUAGE, project="luna-tui")
    with PO.open("rb") as file:
        return read_po(file, locale=LANGUAGE)


def compiled(catalogue: Catalog) -> bytes:
    """What the program reads."""
    out = io.BytesIO()
    write_mo(out, catalogue)
    return out.getvalue()


def update() -> int:
    """Bring the catalogue up to date; the number of texts without a translation."""
    catalogue = known()
    catalogue.update(extracted(), no_fuzzy_matching=True, update_creation_date=False)
    catalogue.obsolete.clear()
    PO.parent.mkdir(parents=True, exist_ok=True)
    with PO.open("wb") as file:
        write_po(file, catalogue, width=100, sort_output=True, no_location=True, omit_header=False)
    MO.write_bytes(compiled(known()))
    return sum(1 for m in known() if m.id and not all(_strings(m.string)))


def _strings(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


if __name__ == "__main__":
    sys.stderr.write(f"{update()} texts have no translation yet: {PO.name}\n")
