"""The page on accounts, with the life of one account; the terminal prints its mails."""

import re
import time
from typing import Any

from graphql import FieldNode, OperationDefinitionNode, parse, print_ast

from tests.client import Client
from tests.docs.readers import ADA, Page

# The fragments of the links that lead to these mutations.
LINKS = {
    "confirmSignUp": "sign-up",
    "confirmEmail": "confirm",
    "resetPassword": "reset",
    "confirmEmailChange": "email",
    "signInWithLink": "sign-in",
}
DELETE = "mutation { deleteAccount(input: {currentPassword: %s}) { deletedUserId } }"
REGISTER = "mutation($input: RegisterInput!) { register(input: $input) { token } }"
SECONDS_FOR_A_MAIL = 30


class AccountsPage(Page):
    token: str | None = None

    def given(self) -> None:
        self.reader.paste("SIGN_IN_LINKS=on .venv/bin/graphql-auth serve --dev")

    def run_graphql(self, source: str) -> None:
        if "requestEmailConfirmation" in source:
            self._start_again()
        for operation in parse(source).definitions:
            assert isinstance(operation, OperationDefinitionNode)
            (field,) = operation.selection_set.selections
            assert isinstance(field, FieldNode)
            name, text = field.name.value, print_ast(operation)
            if name in LINKS:
                text = text.replace("…", self._read_link(LINKS[name]))
            answer = self._ask(text)
            self.token = answer[name].get("token", self.token)

    def then(self) -> None:
        """The page ends with the deletion."""
        with Client(f"{self.url('4001')}/graphql") as client:
            assert "errors" in client.ask("{ viewer { id } }", token=self.token)

    def _start_again(self) -> None:
        """Have an account whose e-mail is not confirmed."""
        self._ask(DELETE % f'"{ADA["password"]}"')
        self.token = self._ask(REGISTER, {"input": ADA})["register"]["token"]

    def _ask(self, text: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        with Client(f"{self.url('4001')}/graphql") as client:
            answer = client.ask(text, variables, token=self.token)
        assert "errors" not in answer, answer
        return dict(answer["data"])

    def _read_link(self, fragment: str) -> str:
        """Return the token of the link that the terminal prints."""
        deadline = time.monotonic() + SECONDS_FOR_A_MAIL
        while not (found := re.findall(rf"#{fragment}=(\S+)", self.reader.output)):
            assert time.monotonic() < deadline, self.reader.output
            time.sleep(0.02)
        return str(found[-1])
