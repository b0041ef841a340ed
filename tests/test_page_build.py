"""When the page is built anew, with which Node, and what is said when that can't be."""

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).parents[1] / "packaging" / "page_build.py"
NOWHERE = "http://127.0.0.1:9/"


@pytest.fixture(scope="module")
def page_build() -> ModuleType:
    """The module, which is no package's."""
    spec = importlib.util.spec_from_file_location("page_build", PROGRAM)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def webui(tmp_path: Path) -> Path:
    """The sources of a page that needs one package."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "main.ts").write_text("run();")
    name, version = "corral-needs-this", "1.0.0"
    manifest = {"name": "page", "version": "0.0.0", "dependencies": {name: version}}
    packages = {"": manifest, f"node_modules/{name}": {"version": version}}
    (tmp_path / "package.json").write_text(json.dumps(manifest))
    (tmp_path / "package-lock.json").write_text(
        json.dumps({**manifest, "lockfileVersion": 3, "requires": True, "packages": packages})
    )
    return tmp_path


@pytest.mark.parametrize(
    ("version", "enough"),
    [
        ("v18.20.4\n", False),
        ("v20.18.1\n", False),
        ("v20.19.0\n", True),
        ("v21.7.3\n", False),
        ("v22.11.0\n", False),
        ("v22.12.0\n", True),
        ("v24.1.0\n", True),
        ("", False),
    ],
)
def test_which_node_will_do(page_build: ModuleType, version: str, enough: bool) -> None:
    assert page_build.is_new_enough(version) is enough


def test_a_page_is_current_until_a_source_changes(page_build: ModuleType, webui: Path) -> None:
    assert not page_build.is_current(webui)
    (webui / "dist").mkdir()
    (webui / "dist" / "sources.sha256").write_text(page_build.digest(webui))
    assert page_build.is_current(webui)
    os.utime(webui / "src" / "main.ts")
    assert page_build.is_current(webui)
    (webui / "src" / "main.ts").rename(webui / "src" / "other.ts")
    assert not page_build.is_current(webui)


def test_without_network_it_says_what_it_needs(
    page_build: ModuleType, webui: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("npm_config_registry", NOWHERE)
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    with pytest.raises(page_build.PageBuildError, match=r"(?s)npm could not fetch.*npm_config_registry"):
        page_build.build(webui)
