"""Writes a bill of materials (CycloneDX 1.5) of a wheel: `make dist` calls it.

The same wheel and locks give the same bytes: there is no time and no random number.
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Each file with what it belongs to: always there, or an extra.
LOCKS = {
    "requirements.lock": "required",
    "daemon/service/notify.lock": "optional",
    "db/postgres.lock": "optional",
    "daemon/imaging/store/s3.lock": "optional",
}
_PIN = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


def write_sbom(wheel: Path) -> Path:
    """Write the bill of *wheel* beside it, and return its path."""
    name, version, *_ = wheel.name.split("-")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    bill = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, digest)}",
        "version": 1,
        "metadata": {
            "component": {
                **_component(name, version),
                "type": "application",
                "licenses": [{"license": {"id": "MIT"}}],
                "hashes": [{"alg": "SHA-256", "content": digest}],
            }
        },
        "components": [
            {**_component(name, version), "scope": scope}
            for (name, version), scope in sorted(_pinned().items())
        ],
    }
    target = wheel.with_name(f"{name}-{version}.cdx.json")
    target.write_text(json.dumps(bill, indent=2) + "\n")
    return target


def _component(name: str, version: str) -> dict[str, object]:
    purl = f"pkg:pypi/{name}@{version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
    }


def _pinned() -> dict[tuple[str, str], str]:
    """Return the scope of each name and version; what is always there is required."""
    scopes: dict[tuple[str, str], str] = {}
    for lock, scope in LOCKS.items():
        for pin in _read_pins((ROOT / lock).read_text()):
            scopes.setdefault(pin, scope)
    return scopes


def _read_pins(lock: str) -> Iterator[tuple[str, str]]:
    for found in _PIN.finditer(lock):
        yield re.sub(r"[-_.]+", "-", found[1]).lower(), found[2]


if __name__ == "__main__":
    write_sbom(Path(sys.argv[1]))
