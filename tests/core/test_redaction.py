"""No secret passes, however it is written and wherever the text is cut; everything else does."""

from __future__ import annotations

import itertools
import json
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from luna_tui.core.redaction import MARK, NO_REDACTION, Redaction
from luna_tui.core.secrets import SHAPES, known_secrets

KEY = "sk-ant-api03-" + "Zx9_kQ2-" * 11 + "AA"
ODD = 'p"ss/w rd+ü\n12'
ENVIRON = {"ANTHROPIC_API_KEY": KEY, "DB_PASSWORD": ODD, "CI": "hunter2hunter2"}
REDACTION = Redaction(known_secrets(ENVIRON))
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA75\nabc/+9==\n-----END RSA PRIVATE KEY-----\n"
JWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P"
SHAPED = {
    "sk-ant-api03-abcdefghijklmnop": MARK,
    "ghp_abcdefghijklmnopqrstuvwxyz0123456789": MARK,
    "gho_abcdefghijklmnopqrstuvwxyz0123456789": MARK,
    "github_pat_11ABCDEFG0abcdefghijkl_0123456789": MARK,
    "glpat-abcdefghij0123456789": MARK,
    "AKIAIOSFODNN7EXAMPLE": MARK,
    "xoxb-123456789012-abcdefghijkl": MARK,
    "AIzaSyA1234567890abcdefghijklmnopqrstuv": MARK,
    JWT: MARK,
    "Bearer abcdefghijklmnopqrstuvwxyz.012": f"Bearer {MARK}",
    PEM: f"-----BEGIN RSA PRIVATE KEY-----{MARK}-----END RSA PRIVATE KEY-----\n",
    PEM.replace("\n", "\\r\\n"): f"-----BEGIN RSA PRIVATE KEY-----{MARK}-----END RSA PRIVATE KEY-----\\r\\n",
}
PIECES = [
    *(KEY, KEY[:-1], KEY[:20], ODD, ODD[:-2], *SHAPED, *(text[:-1] for text in SHAPED)),
    *(shape.heads[0] for shape in SHAPES),
    *("sk-", "-----", "ey", "Bearer", " ", "\n", "a", "é", "A1", "=", "normal text. ", MARK),
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text("skant-_ghpAKIx. \n", max_size=6), max_size=6).map("".join)


@pytest.mark.parametrize(("text", "shown"), SHAPED.items(), ids=range(len(SHAPED)))
def test_what_has_the_shape_of_a_secret_is_taken_out_and_nothing_beside_it(text: str, shown: str) -> None:
    assert REDACTION.text(f"before {text}") == f"before {shown}"
    assert REDACTION.text(f"({text})") == f"({shown})"


@pytest.mark.parametrize(
    "text",
    [
        "sk-ant-... is what a key begins with, AKIA too",
        "bearer of bad news, Bearer token",
        "-----BEGIN CERTIFICATE-----\nMIIEowIBAAKCAQEA75abcdefghijklmnop\n-----END CERTIFICATE-----",
        "-----BEGIN PRIVATE KEY----- is its first line",
        "eyJ and eyJhbGciOi",
        "xox-ray ghp_short glpat-x",
        "claude-haiku-5-5",
        "",
    ],
)
def test_prose_about_secrets_stays(text: str) -> None:
    assert REDACTION.text(text) == text


@pytest.mark.parametrize(
    "form",
    [
        ODD,
        json.dumps(ODD)[1:-1],
        json.dumps(ODD, ensure_ascii=False)[1:-1],
        quote(ODD, ""),
        quote_plus(ODD),
        re.sub("%..", lambda m: m[0].lower(), quote(ODD, "")),
    ],
)
def test_a_known_value_is_found_in_every_form_it_is_written_in(form: str) -> None:
    assert REDACTION.text(f"x{form}x") == "x[redacted DB_PASSWORD]x"


def test_a_known_value_is_named_and_comes_before_any_shape() -> None:
    assert REDACTION.text(f"Authorization: Bearer {KEY}") == (
        "Authorization: Bearer [redacted ANTHROPIC_API_KEY]"
    )
    spaced = Redaction({"abcdefghijklmnopqrstuvwxyz 012 345": "A_TOKEN"})
    assert spaced.text("Bearer abcdefghijklmnopqrstuvwxyz 012 345") == "Bearer [redacted A_TOKEN]"


def test_of_two_known_values_the_longer_one_counts() -> None:
    two = Redaction({"abcdefgh": "A_KEY", "abcdefgh-more": "B_KEY"}, ())
    assert two.text("abcdefgh-more abcdefgh-mo") == "[redacted B_KEY] [redacted B_KEY]"
    assert two.text("abcdefgh-mo!") == "[redacted A_KEY]-mo!"


def test_what_the_end_of_a_text_leaves_of_a_known_value_is_taken_out() -> None:
    assert REDACTION.text("exited with 1: key " + KEY[:40]) == (
        "exited with 1: key [redacted ANTHROPIC_API_KEY]"
    )
    assert REDACTION.text("it begins with " + KEY[:7]) == "it begins with sk-ant-"


@example(KEY, [3, 40, 41])
@example(f"Bearer {JWT} {PEM}", [8, 9, 30, 120])
@given(TEXTS, st.lists(st.integers(0, 400), max_size=12))
def test_where_the_pieces_are_cut_makes_no_difference(text: str, cuts: list[int]) -> None:
    places = sorted({min(c, len(text)) for c in cuts} | {0, len(text)})
    redactor = REDACTION.redactor()
    parts = [redactor.feed(text[a:b]) for a, b in itertools.pairwise(places)]
    whole = REDACTION.text(text)
    assert "".join(parts) + redactor.flush() == whole
    assert KEY not in whole
    assert ODD not in whole


@given(TEXTS)
def test_redacting_twice_changes_nothing(text: str) -> None:
    once = REDACTION.text(text)
    assert REDACTION.text(once) == once


@given(TEXTS)
def test_no_more_is_held_back_than_a_secret_is_long(text: str) -> None:
    redactor = REDACTION.redactor()
    for char in text:
        redactor.feed(char)
    assert len(redactor.flush()) <= max(map(len, known_secrets(ENVIRON))) + 64


def test_text_is_held_back_only_while_it_may_begin_a_secret() -> None:
    redactor = REDACTION.redactor()
    assert redactor.feed("this is") == "this i"
    assert redactor.feed(" it: sk-a") == "s it: "
    assert redactor.feed("c") == "sk-ac"
    assert redactor.flush() == ""


def test_only_variables_that_are_secret_by_their_name_count() -> None:
    found = known_secrets(
        {
            "ANTHROPIC_API_KEY": " k-12345678\n",
            "ANTHROPIC_BASE_URL": "https://me:hunter2hunter2@example.org",
            "ANTHROPIC_MODEL": "claude-haiku-5-5",
            "ANTHROPIC_CUSTOM": "something-else",
            "MY_API_KEY": "k-12345678",
            "GH_TOKEN": "short",
            "db_password": "correct horse",
            "TOKEN": "a-token-alone",
            "KEYBOARD": "qwertz-layout",
            "PATH": "/usr/bin:/bin",
        }
    )
    names = dict.fromkeys(found.values())
    plain = ("k-12345678", "hunter2hunter2", "something-else", "correct horse", "a-token-alone")
    assert {found[value]: value for value in plain} == {
        "ANTHROPIC_API_KEY": "k-12345678",
        "ANTHROPIC_BASE_URL": "hunter2hunter2",
        "ANTHROPIC_CUSTOM": "something-else",
        "db_password": "correct horse",
        "TOKEN": "a-token-alone",
    }
    assert len(names) == len(plain)


def test_no_head_of_a_shape_begins_with_another_one() -> None:
    heads = [head for shape in SHAPES for head in shape.heads]
    assert not [(a, b) for a in heads for b in heads if a != b and a.startswith(b)]
    assert min(map(len, heads)) >= 4


def test_without_secrets_nothing_is_looked_for() -> None:
    assert NO_REDACTION.text(PEM + KEY) == PEM + KEY
    assert NO_REDACTION.redactor().feed(KEY) == KEY
