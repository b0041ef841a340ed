"""Hatch build hook: builds the dashboard's page, and for an editable install links the top-level folders.

The links, under .namespace/corral, give the interpreter, pytest and the type checkers the same names that the wheel has.
"""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class BuildHook(BuildHookInterface):
    def dependencies(self) -> list[str]:
        page = _page_build(self.root)
        return [] if page.is_current() or page.find_node() is not None else [page.NODE_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        _page_build(self.root).build()
        if version == "editable":
            self._link()

    def _link(self) -> None:
        wheel = self.build_config.target_config
        root = Path(self.root)
        namespace = root / wheel["dev-mode-dirs"][0] / wheel["sources"][""]
        namespace.mkdir(parents=True, exist_ok=True)
        for folder in wheel["only-include"]:
            link = namespace / folder
            if not link.exists():
                _link(link, root / folder)


def _page_build(root: str) -> ModuleType:
    """The module page_build beside this one, which is no package's."""
    spec = importlib.util.spec_from_file_location("page_build", Path(root, "packaging", "page_build.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look for it there
    spec.loader.exec_module(module)
    return module


def _link(link: Path, folder: Path) -> None:
    if os.name == "nt":  # a junction needs no administrator rights, a symlink does
        import _winapi

        _winapi.CreateJunction(str(folder), str(link))
    else:
        link.symlink_to(os.path.relpath(folder, link.parent), target_is_directory=True)
