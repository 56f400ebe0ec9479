"""Writes requirements.txt beside this file: every package of the test homeserver, pinned by version and by the hash of each wheel.

usage: python pin-requirements.py 1.163.2        (Python >= 3.11 with `uv` on PATH: `pip install uv` in a scratch environment)

Only wheels for CPython on Linux (x86_64, aarch64) are kept, because the file is installed with --only-binary :all:.
"""

import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib

HERE = pathlib.Path(__file__).parent
WANTED_PYTHON = re.compile(r"-(py3|py2\.py3|cp3[0-9]+)-(none|abi3|cp31[0-4])-")
WANTED_PLATFORM = re.compile(r"(-any|manylinux[^-]*_(x86_64|aarch64))\.whl$")


def wanted(wheel: dict) -> bool:
    name = wheel.get("name") or wheel["url"].rsplit("/", 1)[1]
    return bool(WANTED_PYTHON.search(name) and WANTED_PLATFORM.search(name))


def main(version: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        source = pathlib.Path(scratch, "in.txt")
        source.write_text(f"matrix-synapse=={version}\n")
        lock = pathlib.Path(scratch, "pylock.toml")
        subprocess.run(
            ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.10", "--only-binary", ":all:"]
            + ["--format", "pylock.toml", "-o", str(lock), str(source)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        packages = tomllib.loads(lock.read_text())["packages"]

    lines = ["# Made by pin-requirements.py; do not edit. Linux (x86_64, aarch64), CPython 3.10 to 3.14."]
    for package in packages:
        marker = package.get("marker", "")
        if "sys_platform == 'win32'" in marker:
            continue
        marker = f" ; {marker}" if marker not in ("", "python_full_version >= '3.10'") else ""
        hashes = sorted(wheel["hashes"]["sha256"] for wheel in package.get("wheels", []) if wanted(wheel))
        if not hashes:
            raise SystemExit(f"no wheel for Linux: {package['name']} {package['version']}")
        lines.append(f"{package['name']}=={package['version']}{marker}" + "".join(f" \\\n    --hash=sha256:{h}" for h in hashes))
    HERE.joinpath("requirements.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
