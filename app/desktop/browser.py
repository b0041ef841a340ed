"""The user's own browser."""

import os
import sys
import webbrowser

from corral.app.desktop.display import has_display


def open_browser(url: str) -> bool:
    """Show a page; False if there is no browser to show it. Never one that runs in a terminal. May block for a moment."""
    if not has_display(os.environ, sys.platform):
        return False
    try:
        return webbrowser.open(url)
    except (OSError, webbrowser.Error):
        return False
