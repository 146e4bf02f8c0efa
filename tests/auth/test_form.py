from collections.abc import Callable

import pytest

from graphql_auth.auth import form as form_module
from graphql_auth.auth.form import Form
from graphql_auth.errors import BadInput, FaultReason


def reason(read: Callable[[Form], object]) -> FaultReason:
    form = Form()
    read(form)
    with pytest.raises(BadInput) as refused:
        form.finish()
    (fault,) = refused.value.faults
    assert fault.field == "field"
    return fault.reason


def test_names_and_addresses_are_trimmed() -> None:
    form = Form()

    assert form.name("name", " \tAda\u3000") == "Ada"
    assert form.new_email("email", " ada@example.com\n") == "ada@example.com"
    assert form.known_email("email", " ADA@example.com ") == "ada@example.com"
    assert form.password("password", " secret ")
    form.finish()


@pytest.mark.parametrize("blank", ["", " ", "\t\n", "\u3000\u00a0"])
def test_every_field_is_required(blank: str) -> None:
    assert reason(lambda form: form.name("field", blank)) == FaultReason.REQUIRED
    assert reason(lambda form: form.new_email("field", blank)) == FaultReason.REQUIRED
    assert reason(lambda form: form.known_email("field", blank)) == FaultReason.REQUIRED
    assert reason(lambda form: form.password("field", blank)) == FaultReason.REQUIRED


def test_lengths_are_bounded() -> None:
    form = Form()
    form.name("name", "x" * 200)
    form.password("password", "😀" * 1024)
    form.finish()

    assert reason(lambda form: form.name("field", "x" * 201)) == FaultReason.TOO_LONG
    assert reason(lambda form: form.new_email("field", "x" * 321)) == FaultReason.TOO_LONG
    assert reason(lambda form: form.known_email("field", "x" * 321)) == FaultReason.TOO_LONG
    assert reason(lambda form: form.password("field", "x" * 1025)) == FaultReason.TOO_LONG


def test_a_password_is_measured_in_the_form_that_is_hashed() -> None:
    # U+1D160 becomes three characters in NFC, and U+0344 becomes two.
    assert reason(lambda form: form.password("field", "\u0344" * 600)) == FaultReason.TOO_LONG


def test_a_password_of_many_marks_is_not_normalized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form_module, "normalized", None)

    marks = "\u0301\u0316" * 2049
    assert reason(lambda form: form.password("field", marks)) == FaultReason.TOO_LONG


def test_a_password_is_as_long_as_its_composed_form() -> None:
    form = Form()
    form.password("password", "\u03b1\u0313\u0300\u0345" * 1024)
    form.finish()


@pytest.mark.parametrize("bad", ["a\0b", "a\ud800b"])
def test_what_cannot_be_stored_is_refused_everywhere(bad: str) -> None:
    assert reason(lambda form: form.name("field", bad)) == FaultReason.INVALID_CHARACTERS
    assert reason(lambda form: form.new_email("field", bad)) == FaultReason.INVALID_CHARACTERS
    assert reason(lambda form: form.known_email("field", bad)) == FaultReason.INVALID_CHARACTERS
    assert reason(lambda form: form.password("field", bad)) == FaultReason.INVALID_CHARACTERS


def test_control_characters_are_refused_in_a_name_and_welcome_in_a_password() -> None:
    assert reason(lambda form: form.name("field", "a\x1b[2Jb")) == FaultReason.INVALID_CHARACTERS
    form = Form()
    form.password("password", "a\tb")
    form.name("name", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645")
    form.finish()


def test_only_an_address_can_be_registered_but_any_text_may_be_known() -> None:
    assert reason(lambda form: form.new_email("field", "nobody")) == FaultReason.INVALID_EMAIL
    assert Form().known_email("field", "Nobody") == "nobody"


def test_every_fault_is_found_at_once() -> None:
    form = Form()
    form.name("first_name", "")
    form.name("last_name", "x" * 201)
    form.new_email("email", "nope")
    form.password("password", "\0")

    with pytest.raises(BadInput) as refused:
        form.finish()

    assert {fault.field: fault.reason for fault in refused.value.faults} == {
        "first_name": FaultReason.REQUIRED,
        "last_name": FaultReason.TOO_LONG,
        "email": FaultReason.INVALID_EMAIL,
        "password": FaultReason.INVALID_CHARACTERS,
    }
    assert "x" * 201 not in str(refused.value)
