import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphql_auth.accounts import validation as form_module
from graphql_auth.accounts.validation import InputValidator
from graphql_auth.errors import BadInput, FieldReason


def reason(read: Callable[[InputValidator], object]) -> FieldReason:
    with pytest.raises(BadInput) as refused, InputValidator() as form:
        read(form)
    (fault,) = refused.value.fields
    assert fault.field == "field"
    return fault.reason


def test_names_and_emails_are_trimmed() -> None:
    with InputValidator() as form:
        assert form.name("name", " \tAda\u3000") == "Ada"
        assert form.new_email("email", " ada@example.com\n") == "ada@example.com"
        assert form.login_email("email", " ADA@example.com ") == "ada@example.com"
        assert form.password("password", " secret ")


@pytest.mark.parametrize("blank", ["", " ", "\t\n", "\u3000\u00a0"])
def test_every_field_is_required(blank: str) -> None:
    assert reason(lambda form: form.name("field", blank)) == FieldReason.REQUIRED
    assert reason(lambda form: form.new_email("field", blank)) == FieldReason.REQUIRED
    assert reason(lambda form: form.login_email("field", blank)) == FieldReason.REQUIRED
    assert reason(lambda form: form.password("field", blank)) == FieldReason.REQUIRED


def test_lengths_are_limited() -> None:
    with InputValidator() as form:
        form.name("name", "x" * 200)
        form.password("password", "😀" * 1024)

    assert reason(lambda form: form.name("field", "x" * 201)) == FieldReason.TOO_LONG
    assert reason(lambda form: form.new_email("field", "x" * 321)) == FieldReason.TOO_LONG
    assert reason(lambda form: form.login_email("field", "x" * 321)) == FieldReason.TOO_LONG
    assert reason(lambda form: form.password("field", "x" * 1025)) == FieldReason.TOO_LONG


def test_length_of_password_is_that_of_its_nfc_form() -> None:
    # U+1D160 becomes three characters in NFC, and U+0344 becomes two.
    assert reason(lambda form: form.password("field", "\u0344" * 600)) == FieldReason.TOO_LONG


def test_too_long_password_is_not_normalized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form_module, "normalize", None)

    marks = "\u0301\u0316" * 2049
    assert reason(lambda form: form.password("field", marks)) == FieldReason.TOO_LONG


def test_password_of_max_length_may_be_decomposed() -> None:
    with InputValidator() as form:
        form.password("password", "\u03b1\u0313\u0300\u0345" * 1024)


@pytest.mark.parametrize("bad", ["a\0b", "a\ud800b"])
def test_nul_and_surrogates_are_refused_in_all_fields(bad: str) -> None:
    assert reason(lambda form: form.name("field", bad)) == FieldReason.INVALID_CHARACTERS
    assert reason(lambda form: form.new_email("field", bad)) == FieldReason.INVALID_CHARACTERS
    assert reason(lambda form: form.login_email("field", bad)) == FieldReason.INVALID_CHARACTERS
    assert reason(lambda form: form.password("field", bad)) == FieldReason.INVALID_CHARACTERS


def test_control_characters_are_allowed_in_passwords_only() -> None:
    assert reason(lambda form: form.name("field", "a\x1b[2Jb")) == FieldReason.INVALID_CHARACTERS
    with InputValidator() as form:
        form.password("password", "a\tb")


@pytest.mark.parametrize(
    "name",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a ZWNJ
        "\u0d05\u0d28\u0d3f\u0d32\u0d4d\u200d",  # Malayalam, with a ZWJ at the end
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3",  # Sinhala, with a ZWJ
        "\U0001f469\u200d\U0001f4bb \u2764\ufe0f",  # Emoji
        "\u845b\U000e0100\u57ce",  # Japanese, with an ideographic variation selector
        "\u2801\u2800\u2803",  # Braille, with a space
        "O\u2019Neil-Ødegård",
        "\U0001f9ff",
        "\U000323b0",  # Not assigned in Unicode 14, the table of Python 3.11
    ],
)
def test_names_of_any_script_are_kept(name: str) -> None:
    with InputValidator() as form:
        assert form.name("name", name) == name


BIDIRECTIONAL = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
INVISIBLE = (
    "\u00ad\u034f\u115f\u1160\u17b4\u180e\u200b\u2060\u206a\u3164\ufeff\uffa0\ufff9\ufffc\U000e0041"
)
UNREADABLE = "\x07\x7f\x85\x9b\u2028\u2029\ud800\ufdd0\uffff\U0010ffff"


@pytest.mark.parametrize("bad", [*BIDIRECTIONAL, *INVISIBLE, *UNREADABLE])
def test_invisible_characters_are_refused_in_names_and_emails(bad: str) -> None:
    for text in (f"Ad{bad}a", f"{bad}a{bad}\u0301"):
        assert reason(lambda form: form.name("field", text)) == FieldReason.INVALID_CHARACTERS  # noqa: B023
    for text in (f"ad{bad}a@example.com", f"ada{bad}@example.com", f"ada@exa{bad}mple.com"):
        assert reason(lambda form: form.new_email("field", text)) == FieldReason.INVALID_CHARACTERS  # noqa: B023


@pytest.mark.parametrize("bad", "\u200c\u200d\ufe0f\u180b\u2800\U000e0100")
def test_joiners_and_variation_selectors_are_refused_in_emails(bad: str) -> None:
    text = f"ada{bad}@example.com"

    assert reason(lambda form: form.new_email("field", text)) == FieldReason.INVALID_CHARACTERS


@given(
    st.text(
        st.sampled_from(
            [*BIDIRECTIONAL, *INVISIBLE, *"\u200c\u200d\ufe0f\u2800\u3000 \t\U0001d159"]
        )
        | st.characters(categories=["Cf", "Zs", "Zl", "Zp", "Cc"])
    )
)
def test_name_without_visible_character_is_required(blank: str) -> None:
    assert reason(lambda form: form.name("field", blank)) == FieldReason.REQUIRED


@given(st.text())
def test_no_valid_name_has_a_control_character(text: str) -> None:
    with contextlib.suppress(BadInput):
        with InputValidator() as form:
            name = form.name("name", text)
        assert not set(name) & {*BIDIRECTIONAL, *UNREADABLE}


@pytest.mark.parametrize("odd", ["ada\u202e@example.com", "\u200b", "ada\ufe0f@example.com"])
def test_any_email_of_the_original_can_log_in(odd: str) -> None:
    with InputValidator() as form:
        assert form.login_email("email", odd) == odd


def test_only_a_valid_email_can_be_registered() -> None:
    assert reason(lambda form: form.new_email("field", "nobody")) == FieldReason.INVALID_EMAIL
    with InputValidator() as form:
        assert form.login_email("field", "Nobody") == "nobody"


def test_all_invalid_fields_are_found_together() -> None:
    def fill(form: InputValidator) -> None:
        form.name("first_name", "")
        form.name("last_name", "x" * 201)
        form.new_email("email", "nope")
        form.password("password", "\0")

    with pytest.raises(BadInput) as refused, InputValidator() as form:
        fill(form)

    assert {fault.field: fault.reason for fault in refused.value.fields} == {
        "first_name": FieldReason.REQUIRED,
        "last_name": FieldReason.TOO_LONG,
        "email": FieldReason.INVALID_EMAIL,
        "password": FieldReason.INVALID_CHARACTERS,
    }
    assert "x" * 201 not in str(refused.value)
