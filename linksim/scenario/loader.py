"""From a YAML file to a validated scenario, with errors that name file, field and mend."""

import difflib
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from linksim.scenario.errors import InputError
from linksim.scenario.schema import Scenario

#: A scenario is text that a person wrote; a larger file is something else.
_MAX_BYTES = 1_000_000
_MAX_ALIASES = 100


class _Loader(yaml.SafeLoader):
    """Safe YAML without repeated keys and without alias bombs."""

    aliases = 0

    def compose_node(self, parent, index):
        if self.check_event(yaml.AliasEvent):
            self.aliases += 1
            if self.aliases > _MAX_ALIASES:
                raise yaml.YAMLError(f"more than {_MAX_ALIASES} aliases")
        return super().compose_node(parent, index)

    def construct_mapping(self, node, deep=False):
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        for key in keys:
            if keys.count(key) > 1 and key != "<<":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} appears twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def load_scenario(path: str | Path, overrides: tuple[str, ...] = ()) -> Scenario:
    """Read, override and validate a scenario.

    Parameters
    ----------
    path : str or Path
        The YAML file.
    overrides : tuple of str
        Settings such as `channel.snr_db=[0, 5]` or `systems.0.code.iterations=10`.

    Raises
    ------
    InputError
        Naming the file, the field's path and the mend.
    """
    return validate(apply_overrides(read_yaml(path), overrides, file=str(path)), file=str(path))


def read_yaml(path: str | Path) -> Any:
    """Parse one YAML file without executing anything in it."""
    path = Path(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError("too large for a scenario", file=str(path), mend="pass a YAML scenario")
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError("not a UTF-8 text file", file=str(path), mend="save it as UTF-8") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot be read ({reason})", file=str(path), mend="check the path") from error
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise InputError(_yaml_problem(error), file=str(path), mend="correct the YAML there") from error
    except (ValueError, RecursionError, TypeError) as error:
        raise InputError(
            f"not usable YAML ({error})", file=str(path), mend="write a plain mapping"
        ) from error


def apply_overrides(data: Any, overrides: tuple[str, ...], *, file: str) -> Any:
    """Return the data with each `path.to.field=value` set; values are YAML."""
    for override in overrides:
        path, sign, text = override.partition("=")
        keys = path.strip().split(".")
        if not sign or not all(keys):
            raise InputError(
                f"--set {override!r} has no path=value", mend="write --set channel.snr_db=10", file=file
            )
        try:
            value = yaml.load(text, _Loader)
        except yaml.YAMLError as error:
            raise InputError(
                _yaml_problem(error), field=f"--set {path}", mend="write a YAML value"
            ) from error
        _set(data, keys, value, file=file)
    return data


def _set(data, keys, value, *, file):
    node = data
    for depth, key in enumerate(keys):
        last = depth == len(keys) - 1
        try:
            if isinstance(node, list):
                key = int(key)
            elif not isinstance(node, dict):
                raise TypeError
            if last:
                node[key] = value
            elif isinstance(node, dict):
                node = node.setdefault(key, {})
            else:
                node = node[key]
        except (TypeError, ValueError, IndexError) as error:
            raise InputError(
                "--set finds no such field",
                file=file,
                field=".".join(keys[: depth + 1]),
                mend="check the path",
            ) from error


def validate(data: Any, *, file: str) -> Scenario:
    """Validate parsed YAML; the first problem is reported, with the number of the others."""
    if not isinstance(data, dict):
        raise InputError("a scenario is a mapping of fields", file=file, mend="start with `name: my-study`")
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        raise _as_input_error(error, data, file) from error
    except RecursionError as error:
        raise InputError("nested too deeply", file=file, mend="write plain values") from error


def dump_scenario(scenario: Scenario) -> str:
    """Return the scenario with all its defaults as YAML that loads to the same scenario."""
    data = scenario.model_dump(mode="json", by_alias=True, exclude_none=True)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110)


def json_schema() -> str:
    """Return the JSON Schema of scenarios, for editors."""
    return json.dumps(Scenario.model_json_schema(by_alias=True), indent=2) + "\n"


def _as_input_error(error: ValidationError, data: dict, file: str) -> InputError:
    problems = sorted(error.errors(include_url=False), key=lambda e: e["type"] != "extra_forbidden")
    first = problems[0]
    field = _path(data, first["loc"], first["type"]) or None
    problem, mend = _explain(first)
    if len(problems) > 1:
        problem += f" (and {len(problems) - 1} more)"
    return InputError(problem[:300], file=file, field=field[:200] if field else None, mend=mend[:300])


def _path(data, location, kind):
    """Leave out the tags that pydantic puts into a location for the members of a union."""
    path, node = [], data
    for depth, part in enumerate(location):
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            if kind != "missing" or depth < len(location) - 1:
                continue
        path.append(str(part))
    return ".".join(path)


def _explain(error) -> tuple[str, str]:
    kind, context, value = error["type"], error.get("ctx", {}), error.get("input")
    name = str(error["loc"][-1]) if error["loc"] else ""
    if kind == "extra_forbidden":
        return f"unknown key {name!r}", "remove it or correct its spelling"
    if kind == "missing":
        return "missing", f"add `{name}:`"
    if kind == "union_tag_not_found":
        tag = context["discriminator"].strip("'")
        return f"no `{tag}` given", f"add `{tag}:`"
    if kind == "union_tag_invalid":
        expected = context["expected_tags"].replace("'", "")
        tag = context["tag"]
        return f"{_short(tag)} is not known", f"{_suggest(tag, expected)}one of {expected}"
    if kind == "literal_error":
        expected = context["expected"].replace("'", "")
        return f"{_short(value)} is not allowed", f"{_suggest(value, expected)}write {expected}"
    message = error["msg"].removeprefix("Value error, ")
    if kind == "value_error" and ";" in message:
        problem, _, mend = message.rpartition(";")
        return problem.strip(), mend.strip()
    message = message[:1].lower() + message[1:]
    return f"{message}, not {_short(value)}", "correct the value"


def _suggest(value, expected):
    close = difflib.get_close_matches(str(value), expected.replace(" or ", ", ").split(", "), n=1)
    return f"perhaps {close[0]}; " if close else ""


def _short(value):
    text = str(value) if isinstance(value, Fraction) else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _yaml_problem(error):
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem
