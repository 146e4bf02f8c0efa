import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphql_auth.auth import emails


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Ada@Example.COM", "ada@example.com"),
        ("ada+news@example.com", "ada+news@example.com"),
        ("a.d.a@example.com", "a.d.a@example.com"),
        ("ada@frontend.test", "ada@frontend.test"),
        ("ada@BÜCHER.example.com", "ada@bücher.example.com"),
        ("ada@xn--bcher-kva.example.com", "ada@bücher.example.com"),
        ("Jose\u0301@example.com", "jos\u00e9@example.com"),
        ("JOSÉ@example.com", "jos\u00e9@example.com"),
        ("J\u030ca@example.com", "\u01f0a@example.com"),
    ],
)
def test_the_forms_of_one_address_are_one_account(typed: str, kept: str) -> None:
    assert emails.validated(typed) == kept


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("\u017fam@example.com", "sam@example.com"),
        ("\uff53am@example.com", "sam@example.com"),
        ("ada+news@example.com", "ada@example.com"),
        ("a.da@example.com", "ada@example.com"),
        ("stra\u00dfe@example.com", "strasse@example.com"),
        ("\u0131da@example.com", "ida@example.com"),
        ("ada@example.com", "ada@example.org"),
        ("ada@stra\u00dfe.example.com", "ada@strasse.example.com"),
    ],
)
def test_the_addresses_of_two_people_stay_two_accounts(one: str, other: str) -> None:
    assert emails.canonical(one) != emails.canonical(other)


@pytest.mark.parametrize(
    "text",
    [
        "ada",
        "@example.com",
        "ada@",
        "ada@@example.com",
        "ada@example",
        "ada@exa mple.com",
        "Ada <ada@example.com>",
        '"a b"@example.com',
        "ada@[127.0.0.1]",
        "ada@localhost",
        "a" * 250 + "@example.com",
        "ada@-example.com",
        "ada@xn--a.com",
        "ada\u202e@example.com",
    ],
)
def test_what_is_no_address_cannot_be_registered(text: str) -> None:
    with pytest.raises(emails.InvalidEmail):
        emails.validated(text)


def test_what_the_original_registered_without_a_check_can_still_log_in() -> None:
    assert emails.canonical("ADMIN") == "admin"
    assert emails.canonical("Ada@localhost") == "ada@localhost"


def test_an_ascii_address_has_one_spelling() -> None:
    assert emails.spellings("ada@example.com") == ["ada@example.com"]


def test_other_addresses_have_those_spellings_that_the_original_could_have_stored() -> None:
    assert emails.spellings("jos\u00e9@bücher.example.com") == [
        "jos\u00e9@bücher.example.com",
        "jos\u00e9@bu\u0308cher.example.com",
        "jos\u00e9@xn--bcher-kva.example.com",
        "jose\u0301@bücher.example.com",
        "jose\u0301@bu\u0308cher.example.com",
        "jose\u0301@xn--bcher-kva.example.com",
    ]


def test_a_text_that_is_no_domain_has_spellings_too() -> None:
    assert emails.spellings("é") == ["é", "e\u0301"]
    assert emails.spellings("é@a b") == ["é@a b", "e\u0301@a b"]


local_parts = st.text(
    st.characters(categories=["Lu", "Ll", "Lo", "Mn", "Nd"]), min_size=1, max_size=20
)


@given(local_parts)
def test_the_canonical_form_is_its_own_canonical_form(local: str) -> None:
    once = emails.canonical(f"{local}@example.com")

    assert emails.canonical(once) == once


@given(local_parts)
def test_composed_and_decomposed_forms_are_one(local: str) -> None:
    composed, decomposed = (
        emails.canonical(f"{unicodedata.normalize(form, local)}@example.com")
        for form in ("NFC", "NFD")
    )

    assert composed == decomposed


@given(st.text(max_size=40))
def test_any_text_has_a_canonical_form_and_spellings(text: str) -> None:
    address = emails.canonical(text)

    assert emails.spellings(address)[0] == address
