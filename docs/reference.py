"""What pages take from elsewhere: the commands' help, the fields of scenarios, the claims of the papers."""

import contextlib
import io
import json
import os
import re
from pathlib import Path

from linksim.cli import app, main
from linksim.scenario.loader import json_schema

#: Columns of the help texts.
_WIDTH = 100


def commands() -> str:
    """The help of every command, in the order in which `linksim --help` lists them."""
    from typer.main import get_command

    parts = []
    for path in _paths(get_command(app)):
        parts += [f"## linksim {' '.join(path)}", "", "```text", _help(path), "```", ""]
    return "\n".join(parts)


def _paths(command, path=()):
    for name, inner in getattr(command, "commands", {}).items():
        yield (*path, name)
        yield from _paths(inner, (*path, name))


def _help(path):
    text, columns = io.StringIO(), os.environ.get("COLUMNS")
    os.environ["COLUMNS"] = str(_WIDTH)
    try:
        with contextlib.redirect_stdout(text):
            main([*path, "--help"])
    finally:
        os.environ.pop("COLUMNS")
        if columns is not None:
            os.environ["COLUMNS"] = columns
    return text.getvalue().strip()


def scenario() -> str:
    """A table for each part of a scenario: its fields, what they take, their defaults."""
    schema = json.loads(json_schema())
    parts, seen, waiting = [], set(), [("at the top", schema)]
    while waiting:
        name, model = waiting.pop(0)
        found = []
        heading = model["description"].splitlines()[0]
        parts += [f"## {name}", "", heading, "", "| field | | takes | default |", "|---|---|---|---|"]
        required = set(model.get("required", ()))
        for field, facts in model["properties"].items():
            if name.endswith(f": {facts.get('const')}"):
                continue  # the heading says it
            default = "needed" if field in required else _code(facts.get("default"))
            found += _references(facts)
            cells = [f"`{field}`", facts.get("description", ""), _takes(facts, schema), default]
            parts.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        parts.append("")
        for reference in found:
            if reference not in seen:
                seen.add(reference)
                definition = schema["$defs"][reference]
                if "properties" in definition:
                    waiting.append((_title(reference, schema), definition))
    return "\n".join(parts)


def _title(reference, schema):
    """What a part is called: the field that holds it and, of one of several, the value that chooses it."""
    if reference in _PARTS:
        return _PARTS[reference]
    definition = schema["$defs"][reference]
    for field, holder in _CHOOSERS.items():
        values = _values(definition.get("properties", {}).get(field, {}))
        if len(values) == 1:
            return f"{holder}: {values[0]}"
    return reference


#: From the field that chooses one of several parts to the field that holds it.
_CHOOSERS = {"type": "systems", "model": "channel", "name": "codec", "source": "images"}

#: Headings of the parts that nothing chooses.
_PARTS = {
    "BandwidthSpec": "bandwidth",
    "CodeSpec": "code",
    "ClassifierSpec": "classifier",
    "FigureSpec": "figures",
    "GroupingSpec": "grouping",
    "LinkSpec": "link",
    "MCSSpec": "mcs",
    "MCSSubset": "mcs of bits",
    "MeanColour": "fallback",
    "PicturesSpec": "pictures",
    "Rapp": "amplifier",
    "StopSpec": "stop",
    "WeightsTable": "weights",
}


def _values(facts):
    return [facts["const"]] if "const" in facts else list(facts.get("enum", ()))


def _references(facts):
    """Names of the definitions that a field's schema mentions, in its order."""
    if isinstance(facts, dict):
        found = [facts["$ref"].rpartition("/")[2]] if "$ref" in facts else []
        inner = (value for key, value in facts.items() if key != "discriminator")
        return found + [name for value in inner for name in _references(value)]
    return [name for value in facts for name in _references(value)] if isinstance(facts, list) else []


def _takes(facts, schema):
    """What a field takes, in words."""
    if "$ref" in facts:
        name = facts["$ref"].rpartition("/")[2]
        definition = schema["$defs"][name]
        if "properties" not in definition:
            return _takes(definition, schema)
        title = _title(name, schema)
        return f"[{title.rpartition(': ')[2]}](#{re.sub('[^a-z0-9_-]', '', title.lower().replace(' ', '-'))})"
    if values := _values(facts):
        return ", ".join(f"`{value}`" for value in values)
    for choice in ("anyOf", "oneOf"):
        if choice in facts:
            words = [_takes(each, schema) for each in facts[choice] if each.get("type") != "null"]
            return " or ".join(dict.fromkeys(words))
    kind = facts.get("type")
    if kind == "array":
        inner = facts.get("items") or next(iter(facts.get("prefixItems", ())), {})
        return f"[{_takes(inner, schema)}, …]" if inner else "list"
    words = {"string": "text", "boolean": "true or false", "integer": "whole number", "object": "mapping"}
    return words.get(kind, kind or "anything") + _limits(facts)


def _limits(facts):
    low = facts.get("minimum", facts.get("exclusiveMinimum"))
    high = facts.get("maximum", facts.get("exclusiveMaximum"))
    if low is None and high is None:
        return ""
    if high is None:
        return f" ({'above' if 'exclusiveMinimum' in facts else 'at least'} {low})"
    return f" ({low} to {high})" if low is not None else f" (at most {high})"


def _code(default):
    """A default in code; what is longer than a few words, the descriptions tell."""
    text = default if isinstance(default, str) else json.dumps(default)
    return "" if default is None or len(text) > 40 else f"`{text}`"


def claims() -> str:
    """How many claims of each paper hold, and all of them with their verdicts."""
    counts = [f"| system | claims | {' | '.join(_VERDICTS)} |", "|---|---|---|---|---|---|"]
    tables = []
    for page, name in _SYSTEMS.items():
        rows = list(_claims((_DOCS / page).read_text(encoding="utf-8")))
        verdicts = [_verdict(holds) for _, _, holds in rows]
        numbers = " | ".join(str(verdicts.count(verdict)) for verdict in _VERDICTS)
        counts.append(f"| [{name}]({page}#the-claims) | {len(rows)} | {numbers} |")
        tables += [
            "",
            f"## {name}",
            "",
            f"[Measured]({page}#the-claims)",
            "",
            "| claim | holds? |",
            "|---|---|",
        ]
        tables += [f"| {claim} | {holds} |" for claim, _, holds in rows]
    return "\n".join([*counts, *tables])


_DOCS = Path(__file__).parent

_VERDICTS = ("yes", "with a condition", "no", "not examined")

#: Pages of learned systems with a table of claims.
_SYSTEMS = {
    "systems/deepjscc_q.md": "DeepJSCC-Q",
    "systems/ujscc.md": "uJSCC",
    "systems/jcm.md": "JCM",
    "systems/mdjcm.md": "MDJCM",
}


def _claims(text):
    """Claim, measurement and verdict of each line of a page's table of claims."""
    lines = iter(text.splitlines())
    for line in lines:
        if line.startswith("| claim of the paper |"):
            next(lines)
            break
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def _verdict(holds):
    """What a verdict says; whatever is more than a plain yes or no has a condition."""
    words = holds.replace("*", "")
    if words.startswith("not examined"):
        return "not examined"
    return words if words in ("yes", "no") else "with a condition"


GENERATED = {"commands": commands, "scenario": scenario, "claims": claims}
"""What a page asks for by an HTML comment, and what writes it."""
