"""`gatepost config show`: the settings in force and where each comes from, without passwords."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from gatepost.cli.frame import print_object, print_rows
from gatepost.settings import SECRETS, load_settings, origins


def show(config: Path | None, with_origin: bool, as_json: bool) -> None:
    """One line or one object for each setting."""
    settings = load_settings(config)
    places = origins(config) if with_origin else {}
    rows = [
        {"setting": name, "value": shown(name, getattr(settings, name))} | ({"origin": places[name]} if places else {})
        for name in type(settings).model_fields
    ]
    if as_json:
        for row in rows:
            print_object(row)
    else:
        print_rows(rows, False, "")


def shown(name: str, value: Any) -> Any:
    """A value as it may be printed: the password of a URL is masked."""
    if name not in SECRETS or not value:
        return str(value) if isinstance(value, Path) else value
    password = urlsplit(str(value)).password
    return str(value).replace(f":{password}@", ":***@", 1) if password else value
