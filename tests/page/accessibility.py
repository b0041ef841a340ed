"""axe-core's findings on a page."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

_SOURCE = Path(__file__).parents[2] / "webui" / "node_modules" / "axe-core" / "axe.min.js"
_IMPACTS = ("serious", "critical")
_MOST_NODES = 5


def check_accessibility(page: Page, *, rules: Sequence[str] = ()) -> None:
    """Fail if axe finds anything serious on the page as it is now, with a list of what and where.

    `rules`: only these, such as `color-contrast` for a page that was looked at in another theme.
    """
    if page.evaluate("() => typeof window.axe") == "undefined":
        page.evaluate(_axe_source())
    options = {"resultTypes": ["violations"], **({"runOnly": list(rules)} if rules else {})}
    result = page.evaluate("options => axe.run(document, options)", options)
    serious = [finding for finding in result["violations"] if finding["impact"] in _IMPACTS]
    if serious:
        described = "\n".join(line for finding in serious for line in _described(finding))
        pytest.fail(f"axe finds on {page.url}:\n{described}", pytrace=False)


def _axe_source() -> str:
    if not _SOURCE.exists():
        pytest.fail("axe-core is missing: run `npm --prefix webui ci`.", pytrace=False)
    return _SOURCE.read_text(encoding="utf-8")


def _described(finding: Mapping[str, Any]) -> Sequence[str]:
    nodes: Sequence[Mapping[str, Any]] = finding["nodes"]
    lines = [f"  {finding['impact']}: {finding['help']} ({finding['id']})"]
    for node in nodes[:_MOST_NODES]:
        lines.append(f"    {node['html'][:200]}")
        lines += [f"      {line.strip()}" for line in node["failureSummary"].splitlines()[1:3]]
    if len(nodes) > _MOST_NODES:
        lines.append(f"    and {len(nodes) - _MOST_NODES} more")
    return lines
