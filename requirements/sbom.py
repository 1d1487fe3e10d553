"""Writes a software bill of materials: what a locked list of requirements installs, as CycloneDX 1.6 JSON.

`python requirements/sbom.py requirements/full.txt dist/sbom.json`. Knows the lists that `make lock` compiles and
nothing else; the same list gives the same document (https://cyclonedx.org/docs/1.6/json/).
"""

from __future__ import annotations

import json
import re
import sys
import uuid
from pathlib import Path
from typing import Any

ENTRY = re.compile(r"^([\w.-]+)==(\S+) \\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)
HASH = re.compile(r"sha256:([0-9a-f]{64})")


def document(locked: str) -> dict[str, Any]:
    """The bill for the text of a locked list."""
    parts = [component(name, version, HASH.findall(hashes)) for name, version, hashes in ENTRY.findall(locked)]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, locked)}",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": "sluicegate", "bom-ref": "sluicegate"}},
        "components": parts,
        "dependencies": [{"ref": "sluicegate", "dependsOn": [part["bom-ref"] for part in parts]}],
    }


def component(name: str, version: str, hashes: list[str]) -> dict[str, Any]:
    """One package. It has a hash for each of its files, of which one is installed."""
    reference = f"pkg:pypi/{name.lower().replace('_', '-')}@{version}"
    return {
        "type": "library",
        "bom-ref": reference,
        "name": name,
        "version": version,
        "purl": reference,
        "properties": [{"name": "sluicegate:file-sha256", "value": each} for each in hashes],
    }


def main(source: str, target: str) -> None:
    """Read a list, write its bill."""
    path = Path(target)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document(Path(source).read_text(encoding="utf-8")), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
