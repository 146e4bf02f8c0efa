"""The types that GraphQL Code Generator writes, configured as docs/errors.md shows."""

import re
import subprocess
from pathlib import Path

from graphql import GraphQLEnumType, build_schema

from tests.integrations.processes import HERE, SECONDS_FOR_A_SCRIPT

ROOT = HERE.parents[1]
QUERY = "import { graphql } from './gql';\ngraphql(`query Viewer { viewer { createdAt } }`);\n"


def test_documented_generator_options_write_every_enum(tmp_path: Path) -> None:
    sdl = (ROOT / "schema.graphql").read_text(encoding="utf-8")
    docs = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    (config,) = re.findall(r"^```ts\n(.*?)^```$", docs, re.DOTALL | re.MULTILINE)
    (tmp_path / "codegen.ts").write_text(config, encoding="utf-8")
    (tmp_path / "schema.graphql").write_text(sdl, encoding="utf-8")
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "viewer.ts").write_text(QUERY, encoding="utf-8")
    (tmp_path / "node_modules").symlink_to(HERE / "node_modules")

    generated = subprocess.run(
        [HERE / "node_modules" / ".bin" / "graphql-codegen"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS_FOR_A_SCRIPT,
        check=False,
    )

    assert generated.returncode == 0, generated.stdout
    operations = (tmp_path / "src" / "gql" / "graphql.ts").read_text(encoding="utf-8")
    assert "createdAt: string" in operations
    assert "ErrorCode" not in operations, "The client preset writes the enums without an option."
    written = (tmp_path / "src" / "gql" / "enums.ts").read_text(encoding="utf-8")
    kinds = [kind for kind in build_schema(sdl).type_map.values() if not kind.name.startswith("__")]
    enums = {kind.name: kind for kind in kinds if isinstance(kind, GraphQLEnumType)}
    assert {"ErrorCode", "FieldReason", "ForbiddenReason", "TokenReason"} <= enums.keys()
    for name, enum in enums.items():
        (values,) = re.findall(
            rf"^export enum {name} {{(.*?)^}}", written, re.DOTALL | re.MULTILINE
        )
        assert set(re.findall(r"= '(\w+)'", values)) == set(enum.values)
