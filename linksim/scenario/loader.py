"""From a YAML file to a validated scenario, with errors that name file, field and mend."""

import json
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from linksim.scenario.dialect import parse, read_yaml, write_yaml
from linksim.scenario.editor_schema import sweepable_schema
from linksim.scenario.errors import InputError
from linksim.scenario.explaining import explain
from linksim.scenario.schema import Scenario

#: No field of a scenario lies deeper than this.
_MAX_DEPTH = 20


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

    Examples
    --------
    >>> lines = (
    ...     "name: mine",
    ...     "images: {source: photos}",
    ...     "bandwidth: {cbr: 1/16}",
    ...     "channel: {model: awgn, snr_db: {from: 0, to: 20, step: 5}}",
    ...     "systems: [{type: separated, label: BPG + 5G LDPC}]",
    ... )
    >>> _ = Path("mine.yaml").write_text("\\n".join(lines))
    >>> scenario = load_scenario("mine.yaml", ("systems.0.codec.name=jpeg",))
    >>> scenario.systems[0].codec.name, scenario.channel.snr_db
    ('jpeg', (0.0, 5.0, 10.0, 15.0, 20.0))
    """
    return validate(apply_overrides(read_yaml(path), overrides, file=str(path)), file=str(path))


def apply_overrides(data: Any, overrides: tuple[str, ...], *, file: str) -> Any:
    """Return the data with each `path.to.field=value` set; values are YAML.

    Mappings on the way that are missing or empty are made; the data passed in stays as it is.

    Raises
    ------
    InputError
        An override is malformed or leads nowhere.
    """
    for override in overrides:
        path, sign, text = override.partition("=")
        keys = path.strip().split(".")
        if not sign or not all(keys) or len(keys) > _MAX_DEPTH:
            field = f"--set {override[:80]}"
            raise InputError("no PATH=VALUE", field=field, mend="write --set channel.snr_db=10")
        value = parse(text, field=f"--set {path.strip()}")
        try:
            data = _with(data, keys, value)
        except LookupError as error:
            raise InputError(
                f"--set {path.strip()} leads nowhere",
                file=file,
                field=".".join(keys[: len(keys) - error.args[0]]),
                mend="check the path; lists count from 0",
            ) from error
    return data


def _with(node, keys, value):
    """Return a copy of a node in which the path `keys` holds the value; nodes off the path are shared.

    Raises LookupError with the number of keys left over at the one that does not exist.
    """
    if not keys:
        return value
    first, *rest = keys
    if isinstance(node, dict) or node is None:
        node = node or {}
        return {**node, first: _with(node.get(first), rest, value)}
    if isinstance(node, list) and first.isdecimal() and int(first) < len(node):
        index = int(first)
        return [*node[:index], _with(node[index], rest, value), *node[index + 1 :]]
    raise LookupError(len(rest))


def validate(data: Any, *, file: str) -> Scenario:
    """Validate parsed YAML.

    Parameters
    ----------
    data : parsed YAML
    file : str
        Where it stands, for the error.

    Raises
    ------
    InputError
        With the first problem and the number of the others.
    """
    if not isinstance(data, dict):
        raise InputError("a scenario is a mapping of fields", file=file, mend="start with `name: my-study`")
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        raise explain(error, data, file) from error


def write_template(path: Path) -> None:
    """Write a commented scenario, named after its file, that is valid as it stands.

    Raises
    ------
    InputError
        The file is there already or cannot be written.
    """
    text = Path(__file__).with_name("template.yaml").read_text(encoding="utf-8")
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}", path.stem):
        text = text.replace("my-study", path.stem)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise InputError("is there already", file=str(path), mend="name another file") from error
    except OSError as error:
        problem = f"cannot be written ({error.strerror})"
        raise InputError(problem, file=str(path), mend="name another file") from error


def dump_scenario(scenario: Scenario) -> str:
    """Return the scenario with all its defaults as YAML that loads to the same scenario."""
    return write_yaml(scenario.model_dump(mode="json", by_alias=True, exclude_none=True))


def json_schema() -> str:
    """Return the JSON Schema of scenarios and what they may sweep, for editors."""
    return json.dumps(sweepable_schema(), indent=2) + "\n"
