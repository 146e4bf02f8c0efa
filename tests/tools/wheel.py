"""What the wheel carries; `make tools` builds the playground first."""

import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

PROJECT = Path(__file__).parents[2]


def test_the_wheel_carries_the_playground_and_nothing_that_it_is_made_of(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, PROJECT],
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")

    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
        page = archive.read("graphql_auth/static/index.html").decode()

    assert "graphql_auth/graphql_http/plain_page.html" in names
    assert "graphql_auth/py.typed" in names
    assets = {name for name in names if name.startswith("graphql_auth/static/assets/")}
    assert {Path(name).suffix for name in assets} >= {".js", ".css", ".woff2", ".gz"}
    loaded = re.findall(r'"graphql/(assets/[^"]+)"', page)
    assert len(loaded) >= 2
    assert {f"graphql_auth/static/{name}" for name in loaded} <= assets
    assert {name.partition("/")[0] for name in names if "dist-info" not in name} == {"graphql_auth"}
