"""Templates of MAIL_TEMPLATES: a fault stops the start, and names the file and the line."""

import os
from pathlib import Path

import pytest

from graphql_auth.errors import StartError
from graphql_auth.mail.messages import Messages
from graphql_auth.mail.template_check import check_templates

RIGHT = "Subject: Hello\n\nGo to\n\n{{ link }}\n"


def check(directory: Path) -> None:
    check_templates(Messages("", "a@example.com", "https://a.example/", directory))


def write(directory: Path, name: str, text: str) -> Path:
    file = directory / name
    file.write_text(text, encoding="utf-8")
    return file


def test_right_files_are_accepted(tmp_path: Path) -> None:
    write(tmp_path, "reset_password.txt", RIGHT + "{{ valid_for }} {% include '_x.txt' %}")
    write(tmp_path, "_x.txt", "{{ app }}{% if new_email is defined %}{{ new_email }}{% endif %}")
    write(
        tmp_path, "email_changed.txt", "{# ours #}\nSubject: Hello {{ new_email }}\n\n{{ app_url }}"
    )
    write(
        tmp_path,
        "layout.html",
        "{% block b %}{{ subject }}{{ paragraphs }}{{ link|d }}{% endblock %}",
    )
    write(tmp_path, "new_device.html", "{% extends 'layout.html' %}{% set x = 1 %}{{ x }}")
    write(tmp_path, "README.md", "{{ notes }}")

    check(tmp_path)


def test_our_own_files_pass_the_check_of_names() -> None:
    check(Path(check_templates.__code__.co_filename).parent / "templates")


def test_without_a_directory_nothing_is_loaded() -> None:
    messages = Messages("", "a@example.com", "https://a.example/", None)
    check_templates(messages)

    assert "environment" not in vars(messages)


@pytest.mark.parametrize(
    ("name", "text", "line", "problem"),
    [
        ("reset_password.txt", RIGHT + "\n{% if link %}", 7, "Unexpected end of template"),
        ("reset_password.txt", RIGHT + "{{ link", 6, "unexpected end of template"),
        ("reset_password.txt", RIGHT + "{{ link|nothing }}", 6, "No filter named 'nothing'"),
        (
            "reset_password.txt",
            RIGHT + "{{ lnik }}",
            6,
            "there is no variable 'lnik'; there are app,",
        ),
        (
            "reset_password.txt",
            RIGHT + "{% if not link %}\n{{ lnik }}{% endif %}",
            7,
            "no variable 'lnik'",
        ),
        (
            "reset_password.txt",
            RIGHT + "\n{{ subject }}",
            7,
            "UndefinedError: 'subject' is undefined",
        ),
        (
            "reset_password.txt",
            RIGHT + "{{ link.nothing }}",
            6,
            "UndefinedError: 'str object' has no",
        ),
        ("reset_password.txt", RIGHT + "{{ 1 / 0 }}", 6, "ZeroDivisionError: division by zero"),
        (
            "reset_password.txt",
            RIGHT + "{% include 'gone.txt' %}",
            6,
            "TemplateNotFound: 'gone.txt'",
        ),
        ("password_changed.txt", "Subject: Hi\n\n{{ link }}", 3, "'link' is undefined"),
        (
            "reset_password.txt",
            "Subject: Hello\n\nReset it.\n",
            1,
            "the text does not have {{ link }}",
        ),
        (
            "password_changed.txt",
            "Subject: a\u2028b\n\nHello",
            1,
            "the first line is not 'Subject:'",
        ),
        ("password_changed.txt", "Hello", 1, "the first line is not 'Subject:' and a text"),
        ("password_changed.txt", "Subject:  \n\nHello", 1, "the first line is not 'Subject:'"),
        ("password_changed.txt", "", 1, "the first line is not 'Subject:' and a text"),
        ("password_changed.html", "<p>\n{{ link }}", 2, "'link' is undefined"),
        ("layout.html", "\n\n{{ ip }}", 3, "there is no variable 'ip'"),
        ("layout.html", "\n{% for p in paragraphs %}", 2, "Unexpected end of template"),
        ("layout.html", "\n{{ paragraphs[9].x }}", 2, "UndefinedError"),
        ("reset_pasword.txt", RIGHT, 1, "no mail has this name; that of a part begins with _"),
        ("reset.html", "", 1, "no mail has this name"),
    ],
)
def test_fault_is_named_with_file_and_line(
    name: str, text: str, line: int, problem: str, tmp_path: Path
) -> None:
    file = write(tmp_path, name, text)

    with pytest.raises(StartError) as refused:
        check(tmp_path)

    assert str(refused.value).startswith(f"MAIL_TEMPLATES: {file}, line {line}: ")
    assert problem in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_fault_in_a_part_is_found_there(tmp_path: Path) -> None:
    write(tmp_path, "reset_password.txt", RIGHT + "{% include '_end.txt' %}")
    write(tmp_path, "_end.txt", "\n{{ lnik }}")

    with pytest.raises(StartError, match=r"_end\.txt, line 2: UndefinedError: 'lnik' is undefined"):
        check(tmp_path)


def test_syntax_error_in_a_part_is_found_there(tmp_path: Path) -> None:
    write(tmp_path, "reset_password.txt", RIGHT + "{% include '_end.txt' %}")
    write(tmp_path, "_end.txt", "\n\n{{ lnik")

    with pytest.raises(StartError, match=r"_end\.txt, line 3: TemplateSyntaxError"):
        check(tmp_path)


def test_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / "reset_password.txt").write_bytes(b"Subject: \xff")

    with pytest.raises(StartError, match=r"reset_password\.txt, line 1: UnicodeDecodeError"):
        check(tmp_path)


def test_directory_in_place_of_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "layout.html").mkdir()

    with pytest.raises(StartError, match=r"layout\.html, line 1: IsADirectoryError"):
        check(tmp_path)


@pytest.mark.parametrize(
    ("name", "problem"), [("gone", "No such file"), ("file", "Not a directory")]
)
def test_directory_that_cannot_be_read_is_named(name: str, problem: str, tmp_path: Path) -> None:
    write(tmp_path, "file", "")

    with pytest.raises(StartError, match=f"Cannot read MAIL_TEMPLATES: {problem}"):
        check(tmp_path / name)


@pytest.mark.parametrize("name", ["reset_password.txt", "layout.html", "_part.txt"])
def test_template_that_is_no_regular_file_is_named(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)

    with pytest.raises(StartError, match=rf"{name}, line 1: it is not a regular file\."):
        check(tmp_path)
