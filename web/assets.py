"""The built style sheet and scripts, by the manifest that Vite writes."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

HERE = Path(__file__).resolve().parent
STATIC = HERE / "static"
FOREVER = "public, max-age=31536000, immutable"


class AssetsMissing(Exception):
    """The assets are not built; the text names the fix."""


@dataclass(frozen=True, slots=True)
class Assets:
    """Addresses of what every page loads."""

    styles: tuple[str, ...]
    script: str
    theme: str
    icons: str


def load_assets(static: Path = STATIC) -> Assets:
    """Read the manifest once, at start. Raises AssetsMissing."""
    try:
        manifest = json.loads((static / "dist" / "manifest.json").read_text(encoding="utf-8"))
        sprite = hashlib.sha256((static / "icons.svg").read_bytes()).hexdigest()[:12]
        main, theme = manifest["assets/app.js"], manifest["assets/theme.js"]
    except (OSError, ValueError, KeyError):
        raise AssetsMissing(
            "the pages' scripts and styles are not built: run `make setup`, or `npm ci && npm run build` in web/"
        ) from None
    styles = tuple(f"/static/dist/{name}" for name in main.get("css", ()))
    return Assets(
        styles, f"/static/dist/{main['file']}", f"/static/dist/{theme['file']}", f"/static/icons.svg?{sprite}"
    )


class Built(StaticFiles):
    """Static files whose names or queries change with their content: browsers may keep them for good."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200:
            response.headers["cache-control"] = FOREVER
        return response


def static_files(static: Path = STATIC) -> ASGIApp:
    """The application that serves them, compressed."""
    return GZipMiddleware(Built(directory=static), minimum_size=1000)
