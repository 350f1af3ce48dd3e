"""Pages that commands open."""

from __future__ import annotations

import threading


def open_page(url: str) -> None:
    """Open a page in the user's browser. In a thread: some browsers return only when they are closed."""
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
