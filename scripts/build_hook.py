"""Builds the playground into a wheel or sdist; without Node.js, it says what is missing."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PlaygroundHook(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        # `make serve` installs the package as editable, and builds the playground itself.
        if version == "editable":
            return
        script = Path(self.root, "scripts", "playground")
        shell = shutil.which("sh")
        if shell is None or subprocess.run([shell, script], check=False).returncode != 0:
            self.app.display_warning("The build goes on without the playground.")
