"""Channel files: YAML or CSV, read with the line where each channel stands, so that a mistake is named by its line."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from commerce.errors import UsageError
from commerce.setup.channel_models import ChannelSetup

REMOVE = "remove"
COLUMNS = (*ChannelSetup.model_fields, REMOVE)

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where libyaml is there


@dataclass(frozen=True)
class ChannelFile:
    """`document`: as `channels.apply` takes it; `places`: for each of its channels "line 17"."""

    document: Mapping[str, Any]
    places: tuple[str, ...]


def read(path: Path) -> ChannelFile:
    """Read a channel file; by its name ending in .csv it is a table with a column for each field of `ChannelSetup` and
    `remove` (yes: the store is to be removed), else YAML.

    Raises:
        UsageError: there is no such file, or it is not what its name says; the message names the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not in UTF-8. Save it as UTF-8 and try again.") from None
    return _read_csv(path, text) if path.suffix.lower() == ".csv" else _read_yaml(path, text)


def _read_yaml(path: Path, text: str) -> ChannelFile:
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        document = None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UsageError(f"{path} is not valid YAML{where}. Mend the file and run the command again.") from None
    finally:
        loader.dispose()
    if not isinstance(document, dict):
        raise UsageError(f"{path} must hold a mapping with `channels:` (and `remove:`).")
    places: tuple[str, ...] = ()
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if key.value == "channels" and isinstance(value, yaml.SequenceNode):
            places = tuple(f"line {entry.start_mark.line + 1}" for entry in value.value)
    return ChannelFile(document, places)


def _read_csv(path: Path, text: str) -> ChannelFile:
    lines = text.splitlines(keepends=True)
    header = lines[0] if lines else ""
    reader = csv.DictReader(lines, delimiter=max(",;\t", key=header.count), strict=True)
    channels: list[dict[str, Any]] = []
    removed: list[str] = []
    places: list[str] = []
    try:
        names = [name.strip().lower() for name in reader.fieldnames or ()]
        unknown = sorted(set(names) - set(COLUMNS))
        if unknown or "name" not in names or len(set(names)) < len(names):
            raise UsageError(
                f"{path}, line 1: the columns must be name, url, company, default_customer and others of "
                f"{', '.join(COLUMNS)}, each once. Unknown: {', '.join(unknown) or 'none'}."
            )
        reader.fieldnames = names
        for row in reader:
            if None in row:
                raise UsageError(f"{path}, line {reader.line_num}: more cells than columns. Quote cells with commas.")
            given = {name: cell.strip() for name, cell in row.items() if cell and cell.strip()}
            if not given:
                continue
            if given.pop(REMOVE, "no").lower() in ("yes", "true", "1", "x"):
                removed.append(given.get("name", ""))
                continue
            channels.append(given)
            places.append(f"line {reader.line_num}")
    except csv.Error:
        raise UsageError(f"{path}, line {reader.line_num}: not a CSV line. Check its quotes.") from None
    return ChannelFile({"channels": channels, REMOVE: removed}, tuple(places))
