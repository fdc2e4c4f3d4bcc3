"""The JSON Schema of scenarios: of plain ones, and for editors of those that sweep."""

import copy
from functools import cache
from typing import Any

from linksim.scenario.schema import Scenario

#: Top fields that say how a study is told of and shown, not what is sent: no sweep changes them.
NO_AXIS = {"name", "title", "figures", "pictures", "metrics"}

#: Parts of those, which the schema defines on their own.
_NEVER_SWEPT = {"FigureSpec", "PicturesSpec"}

#: What is said about a field, apart from what it takes.
_ABOUT = ("title", "description", "default")


@cache
def plain_schema() -> dict[str, Any]:
    """What a scenario without sweeps may hold; not to be changed."""
    return Scenario.model_json_schema(by_alias=True)


def sweepable_schema() -> dict[str, Any]:
    """The same with a list of values wherever a field may be swept."""
    schema = copy.deepcopy(plain_schema())
    for name, field in schema["properties"].items():
        if name not in NO_AXIS | {"systems"}:
            schema["properties"][name] = _listed(field)
    for name, part in schema["$defs"].items():
        for key, field in part.get("properties", {}).items():
            if name not in _NEVER_SWEPT and key != "label":
                part["properties"][key] = _listed(field)
    _any_of(schema, schema["$defs"])
    return schema


def _listed(field):
    """A field that takes what it took, or a list of such; a name that tells kinds apart, a list of names."""
    about = {key: field[key] for key in _ABOUT if key in field}
    taken = {key: value for key, value in field.items() if key not in _ABOUT}
    items = {"type": "string"} if "const" in taken else taken
    return {"anyOf": [taken, {"type": "array", "items": items, "minItems": 1}], **about}


def _any_of(node, parts):
    """A list of names suits several kinds, of which `oneOf` would allow one; each kind has to be named."""
    if isinstance(node, dict):
        if "oneOf" in node:
            node["anyOf"] = node.pop("oneOf")
            kinds = node.pop("discriminator")
            for reference in kinds["mapping"].values():
                part = parts[reference.rpartition("/")[2]]
                part["required"] = sorted({*part.get("required", ()), kinds["propertyName"]})
        for value in list(node.values()):
            _any_of(value, parts)
    elif isinstance(node, list):
        for value in node:
            _any_of(value, parts)
