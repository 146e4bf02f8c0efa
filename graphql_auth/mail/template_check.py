"""Checks the templates of MAIL_TEMPLATES at the start, so that no mail fails by them later."""

import traceback
from pathlib import Path

from graphql_auth.errors import StartError
from graphql_auth.mail.messages import LAYOUT, VARIABLES, Messages, Template

COMMON = {"app", "app_url", "time", "template"}
ALL = sorted(COMMON.union(["subject", "paragraphs"], *VARIABLES.values()))
LINK = "https://app.example.com/#link"
FILES = {LAYOUT, *(f"{template}.{kind}" for template in Template for kind in ("txt", "html"))}


def check_templates(messages: Messages) -> None:
    """Raise StartError for the first fault in a file of MAIL_TEMPLATES, with its line."""
    if (directory := messages.directory) is None:
        return
    try:
        # Other files are notes.
        files = sorted(f for f in directory.iterdir() if f.name.endswith((".txt", ".html")))
        # To read a FIFO or a device would not end. A directory raises an error below.
        readable = [file for file in files if file.is_file() or file.is_dir()]
    except OSError as error:
        raise StartError(f"Cannot read MAIL_TEMPLATES: {error.strerror}.") from None
    for file in files:
        if file not in readable:
            raise _fault(file, 1, "it is not a regular file")
        if file.name in FILES:
            _check_names(messages, file)
        elif not file.name.startswith("_"):
            raise _fault(file, 1, "no mail has this name; that of a part begins with _")
    for template in Template:
        _check_mail(messages, template, directory / f"{template}.txt")


def _check_mail(messages: Messages, template: Template, file: Path) -> None:
    values = dict.fromkeys(COMMON.union(VARIABLES.get(template, ())), LINK)
    try:
        subject, text, _ = messages.render(template, values)
    except Exception as error:  # noqa: BLE001 - a template can raise any
        raise _locate(error, file) from None
    if len(subject.splitlines()) != 1:
        raise _fault(file, 1, "the first line is not 'Subject:' and a text")
    if "link" in VARIABLES.get(template, ()) and LINK not in text:
        raise _fault(file, 1, "the text does not have {{ link }}")


def _check_names(messages: Messages, file: Path) -> None:
    """Raise StartError for the first unknown variable, also in a part that is rarely shown."""
    from jinja2 import meta, nodes  # noqa: PLC0415 - see Messages

    try:
        messages.environment.get_template(file.name)
        tree = messages.environment.parse(file.read_text(encoding="utf-8"))
        unknown = meta.find_undeclared_variables(tree).difference(ALL)
    except Exception as error:  # noqa: BLE001 - syntax, encoding, permission
        raise _locate(error, file) from None
    for found in tree.find_all(nodes.Name):
        if found.name in unknown:
            text = f"there is no variable {found.name!r}; there are {', '.join(ALL)}"
            raise _fault(file, found.lineno, text)


def _locate(error: Exception, file: Path) -> StartError:
    """Return the error with the place in a template that raised it, which ``file`` leads to."""
    # Jinja2 puts the frames of templates there, except for an error of syntax.
    places = [
        (frame.filename, frame.lineno)
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename.endswith((".txt", ".html"))
    ]
    path, line = places[-1] if places else (None, 1)
    path, line = getattr(error, "filename", path), getattr(error, "lineno", line)
    text = f"{type(error).__name__}: {getattr(error, 'message', error)}"
    return _fault(Path(path or file), line or 1, text.rstrip("."))


def _fault(file: Path, line: int, problem: str) -> StartError:
    return StartError(f"MAIL_TEMPLATES: {file}, line {line}: {problem}.")
