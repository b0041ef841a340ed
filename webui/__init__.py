"""The dashboard and the playground: sources in `src`, and the page that Vite builds of them in `dist`."""

from pathlib import Path

BUILT = Path(__file__).with_name("dist")  # empty or missing until the page was built
