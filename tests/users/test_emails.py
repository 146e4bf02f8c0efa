import contextlib
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphql_auth.users import emails


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
def test_forms_of_one_email_have_one_canonical_form(typed: str, kept: str) -> None:
    assert emails.validate(typed) == kept


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
def test_different_emails_have_different_canonical_forms(one: str, other: str) -> None:
    assert emails.canonicalize(one) != emails.canonicalize(other)


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
def test_invalid_email_is_refused(text: str) -> None:
    with pytest.raises(emails.InvalidEmail):
        emails.validate(text)


def test_invalid_email_of_the_original_is_folded() -> None:
    assert emails.canonicalize("ADMIN") == "admin"
    assert emails.canonicalize("Ada@localhost") == "ada@localhost"


def test_ascii_email_has_one_spelling() -> None:
    assert emails.spellings("ada@example.com") == ["ada@example.com"]


def test_unicode_email_has_the_spellings_of_the_original() -> None:
    assert emails.spellings("jos\u00e9@bücher.example.com") == [
        "jos\u00e9@bücher.example.com",
        "jos\u00e9@bu\u0308cher.example.com",
        "jos\u00e9@xn--bcher-kva.example.com",
        "jose\u0301@bücher.example.com",
        "jose\u0301@bu\u0308cher.example.com",
        "jose\u0301@xn--bcher-kva.example.com",
    ]


def test_invalid_domain_has_spellings_too() -> None:
    assert emails.spellings("é") == ["é", "e\u0301"]
    assert emails.spellings("é@a b") == ["é@a b", "e\u0301@a b"]


local_parts = st.text(
    st.characters(categories=["Lu", "Ll", "Lo", "Mn", "Nd"]), min_size=1, max_size=20
)


@given(local_parts)
def test_canonicalize_is_idempotent(local: str) -> None:
    once = emails.canonicalize(f"{local}@example.com")

    assert emails.canonicalize(once) == once


@given(local_parts)
def test_composed_and_decomposed_forms_have_one_canonical_form(local: str) -> None:
    composed, decomposed = (
        emails.canonicalize(f"{unicodedata.normalize(form, local)}@example.com")
        for form in ("NFC", "NFD")
    )

    assert composed == decomposed


@given(st.text(max_size=40))
def test_any_text_has_a_canonical_form_and_spellings(text: str) -> None:
    address = emails.canonicalize(text)

    assert emails.spellings(address)[0] == address


# What domains and folding map to something else, or to nothing.
ODD = [
    *"\u00ad\u200b\u200c\u200d\u2060\ufe0f\ufeff\u3164\u034f",
    *"\uff0e\u3002\uff61\uff41\uff21\u2024\u00a0\u0085\u2000\u3000 \t",
    *"\u0130\u0131\u0307\u00df\u1e9e\u03c3\u03c2\u03a3\u017f\u212a\u212b\u00c5\u00e9\u0301\u030cJ\u01f0",
    *"xn--.@XNabc",
    "xn--bcher-kva",
    "XN--BCHER-KVA",
    "xn--a",
    "b\u00fccher",
    "BU\u0308CHER",
    "example",
    ".com",
    "\u3002COM",
]
odd_texts = st.lists(
    st.sampled_from(ODD) | st.characters(exclude_categories=["Cs"]), max_size=8
).map("".join)
typed = st.one_of(
    odd_texts,
    st.builds("{}@{}.com".format, odd_texts, odd_texts),
    st.emails(),
    st.text(max_size=20),
)
domains = st.sampled_from(["example", "b\u00fccher", "xn--bcher-kva", "\u03b1\u03c3"])


@st.composite
def disguises(draw: st.DrawFn) -> str:
    """An address with characters in it that may be mapped away."""
    parts = list(draw(st.sampled_from(["victim@", "v\u00edctim@"])))
    domain = list(f"{draw(domains)}.com")
    for part, choices in ((parts, ODD[:9]), (domain, ODD[:16])):
        for character in draw(st.lists(st.sampled_from(choices), max_size=2)):
            part.insert(draw(st.integers(0, len(part))), character)
    text = "".join(parts + domain)
    return draw(st.sampled_from([text, text.upper(), unicodedata.normalize("NFD", text)]))


any_text = disguises() | typed


def share_a_look_up(one: str, other: str) -> bool:
    forms = [set(emails.spellings(emails.canonicalize(text))) for text in (one, other)]
    return bool(forms[0] & forms[1])


@given(any_text, any_text)
def test_texts_that_find_one_account_share_one_canonical_form(one: str, other: str) -> None:
    if share_a_look_up(one, other):
        assert emails.canonicalize(one) == emails.canonicalize(other)


@pytest.mark.parametrize("invisible", ["\u00ad", "\u200b", "\u2060", "\ufe0f", "\u034f"])
@pytest.mark.parametrize("domain", ["example.com", "b\u00fccher.example.com"])
def test_invisible_character_in_domain_finds_no_other_account(invisible: str, domain: str) -> None:
    for disguised in (invisible + domain, domain.replace("e.c", f"e{invisible}.c"), domain.upper()):
        one, other = f"victim@{domain}", f"victim@{disguised}"
        if share_a_look_up(one, other):
            assert emails.canonicalize(one) == emails.canonicalize(other)


@given(any_text)
def test_every_spelling_has_the_same_canonical_form(text: str) -> None:
    address = emails.canonicalize(text)
    forms = emails.spellings(address)

    assert forms[0] == address
    assert {emails.canonicalize(form) for form in forms} == {address}


@given(any_text)
def test_registration_and_login_use_the_same_form(text: str) -> None:
    with contextlib.suppress(emails.InvalidEmail):
        assert emails.validate(text) == emails.canonicalize(text)


@pytest.mark.parametrize(
    "stored",
    ["victim@exam\u00adple.com", "admin\u200b", "a@b@c", "e\u0301@a b", "user\ufe0f@example.com"],
)
def test_invalid_email_of_the_original_is_its_own_spelling(stored: str) -> None:
    assert stored in emails.spellings(emails.canonicalize(stored))


@pytest.mark.parametrize(("local", "is_valid"), [("a" * 64, True), ("a" * 65, False)])
def test_local_part_has_at_most_64_bytes(local: str, *, is_valid: bool) -> None:
    for text in (local, "é" * (len(local) // 2) + "a" * (len(local) % 2)):
        if is_valid:
            assert emails.validate(f"{text}@example.com")
        else:
            with pytest.raises(emails.InvalidEmail):
                emails.validate(f"{text}@example.com")


def test_email_that_is_too_long_in_lower_case_is_invalid() -> None:
    domain = f"{'a' * 63}.{'b' * 63}.{'c' * 63}.example.com"
    text = f"{chr(0x130) * 21}@{domain}"
    assert len(text.encode()) <= 254 < len(text.lower().encode())

    with pytest.raises(emails.InvalidEmail):
        emails.validate(text)
    assert emails.spellings(emails.canonicalize(text))[0] == emails.canonicalize(text)
