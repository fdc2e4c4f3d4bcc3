"""Sweeps: a list in a field that takes none stands for one plain scenario for each of its values.

Where a field takes a list anyway (`channel.snr_db`, `mcs.indices`, `channel.pilots`), a list is what the
field takes, and a list of lists is a sweep. A field of a system sweeps that system alone; several swept
fields give all combinations of their values.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from linksim.scenario.dialect import read_yaml, write_yaml
from linksim.scenario.editor_schema import NO_AXIS, plain_schema
from linksim.scenario.errors import InputError, brief
from linksim.scenario.loader import apply_overrides, validate
from linksim.scenario.schema import Scenario

#: More combinations than this are taken for a slip of the pen.
MAX_MEMBERS = 64

#: Fields whose values speak for themselves in a legend.
_TELLING = {"channel", "codec", "model", "name", "source", "systems", "type", "weights"}


@dataclass(frozen=True)
class Axis:
    """A swept field.

    Attributes
    ----------
    keys : tuple
        Where it stands, as `("systems", 0, "code", "iterations")`.
    values : tuple
        As the scenario writes them.
    texts : tuple of str
        As results write them.
    """

    keys: tuple
    values: tuple
    texts: tuple[str, ...]

    @property
    def path(self) -> str:
        """As errors, `--set` and the column `sweep.<path>` of the results write it."""
        return ".".join(map(str, self.keys))

    @property
    def system(self) -> int | None:
        """The system that it belongs to; None for all."""
        return self.keys[1] if self.keys[0] == "systems" else None


@dataclass(frozen=True)
class Member:
    """One combination of values.

    Attributes
    ----------
    scenario : Scenario
        Plain: the whole study at these values.
    systems : dict from int to dict
        The systems that this combination is about, by their indices, each with the values that it has of
        swept fields: path to text.
    """

    scenario: Scenario
    systems: dict[int, dict[str, str]]


@dataclass(frozen=True)
class Sweep:
    """A scenario with its combinations; one that sweeps nothing has a single member.

    Attributes
    ----------
    members : tuple of Member
        The first values of all axes first.
    axes : tuple of Axis
    data : parsed YAML
        The scenario as written.
    """

    members: tuple[Member, ...]
    axes: tuple[Axis, ...]
    data: dict

    def describe(self) -> str:
        """In a line: how many combinations of which fields."""
        fields = ", ".join(f"{axis.path} ({len(axis.values)})" for axis in self.axes)
        return f"sweep of {len(self.members)} combinations: {fields}"

    def dump(self, resolved: list[Scenario]) -> str:
        """The scenario with all defaults that the members share, as YAML that loads to the same members.

        Parameters
        ----------
        resolved : list of Scenario
            Of the members, once what depends on their pictures is fixed.
        """
        dumps = [each.model_dump(mode="json", by_alias=True, exclude_none=True) for each in resolved]
        return write_yaml(_merged(dumps, self.data, {axis.keys for axis in self.axes}))


def load_sweep(path: str | Path, overrides: tuple[str, ...] = ()) -> Sweep:
    """Read, override, expand and validate a scenario.

    Parameters
    ----------
    path : str or Path
        The YAML file.
    overrides : tuple of str
        As `linksim.scenario.loader.load_scenario` takes them; a value may be a list to sweep.

    Raises
    ------
    InputError
        Naming the file, the field's path and the mend.
    """
    return expand(apply_overrides(read_yaml(path), overrides, file=str(path)), file=str(path))


def expand(data: Any, *, file: str) -> Sweep:
    """Find what parsed YAML sweeps and validate every combination.

    Raises
    ------
    InputError
        A combination is no scenario, there are too many, or a figure runs along what is not swept.
    """
    found = _lists(data, [plain_schema()], ()) if isinstance(data, dict) else ()
    axes = tuple(_axis(keys, values, file) for keys, values in found)
    shared = [axis for axis in axes if axis.system is None]
    own: dict[int, list[Axis]] = {}
    for axis in axes:
        if axis.system is not None:
            own.setdefault(axis.system, []).append(axis)
    count = _count(shared) * (1 + sum(_count(of_system) - 1 for of_system in own.values()))
    if count > MAX_MEMBERS:
        fields = ", ".join(axis.path for axis in axes)[:300]
        problem, mend = f"{count} combinations of {fields}", f"sweep less: {MAX_MEMBERS} are the most"
        raise InputError(problem, file=file, field=axes[0].path[:200], mend=mend)
    members = tuple(_members(data, shared, own, file))
    _check_labels(members, file)
    _check_codecs(members[0].scenario, axes, file)
    _check_pictures(members[0].scenario, axes, file)
    _check_figures(members[0].scenario, axes, file)
    return Sweep(members, axes, data)


def plain(scenario: Scenario) -> Sweep:
    """A scenario that sweeps nothing."""
    return Sweep((Member(scenario, {index: {} for index in range(len(scenario.systems))}),), (), {})


def swept_text(path: str, value: str) -> str:
    """A value of a swept field for a legend: after the last part of its path, or alone where it tells enough.

    Examples
    --------
    >>> swept_text("channel.speed_kmh", "30"), swept_text("systems.0.codec.name", "jpeg")
    ('speed_kmh 30', 'jpeg')
    """
    name = path.rpartition(".")[2]
    return value if name in _TELLING else f"{name} {value}"


def _count(axes):
    return math.prod(len(axis.values) for axis in axes)


def _members(data, shared, own, file) -> Iterator[Member]:
    """All systems at their first values, then each at its others; the same for every value of the shared."""
    for common in product(*(range(len(axis.values)) for axis in shared)):
        values, texts = _chosen(shared, common)
        firsts = {index: [0] * len(axes) for index, axes in own.items()}
        everything = dict(values)
        for index, axes in own.items():
            everything |= _chosen(axes, firsts[index])[0]
        scenario = _validated(data, everything, file)
        of_system = {
            index: texts | _chosen(own.get(index, []), firsts.get(index, ()))[1]
            for index in range(len(scenario.systems))
        }
        yield Member(scenario, of_system)
        for index, axes in own.items():
            for places in list(product(*(range(len(axis.values)) for axis in axes)))[1:]:
                its_values, its_texts = _chosen(axes, places)
                yield Member(_validated(data, everything | its_values, file), {index: texts | its_texts})


def _chosen(axes, places):
    """Values by keys and texts by path, of the axes at these places."""
    pairs = list(zip(axes, places))
    values = {axis.keys: axis.values[place] for axis, place in pairs}
    return values, {axis.path: axis.texts[place] for axis, place in pairs}


def _validated(data, values, file):
    for keys, value in values.items():
        data = _put(data, keys, value)
    return validate(data, file=file)


def _put(node, keys, value):
    """A copy in which the path holds the value; what lies off the path is shared."""
    if not keys:
        return value
    copy = dict(node) if isinstance(node, dict) else list(node)
    copy[keys[0]] = _put(node[keys[0]], keys[1:], value)
    return copy


def _axis(keys, values, file):
    texts = _texts(values)
    twice = next((text for text in texts if texts.count(text) > 1), None)
    if twice is not None:
        field = ".".join(map(str, keys))[:200]
        problem = f"{brief(twice)} appears more than once"
        raise InputError(problem, file=file, field=field, mend="write each once")
    return Axis(keys, tuple(values), texts)


def _texts(values):
    """How results write the values: scalars as YAML does, mappings by what makes them differ."""
    if all(isinstance(value, dict) for value in values):
        keys = dict.fromkeys(key for value in values for key in value)
        differing = [key for key in keys if len({repr(value.get(key)) for value in values}) > 1]
        short = tuple(" ".join(_text(value[key]) for key in differing if key in value) for value in values)
        if len(set(short)) == len(short) and all(short):
            return short
    return tuple(_text(value) for value in values)


def _text(value):
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict):
        return " ".join(write_yaml([value]).removeprefix("- ").split())
    return f"{value:g}" if isinstance(value, float) else str(value)


def _check_labels(members, file):
    """A system keeps its name along a sweep; that of weights would change with them."""
    for member in members:
        for index in member.systems:
            label = member.scenario.systems[index].label
            if label != members[0].scenario.systems[index].label:
                problem, field = "missing, and a sweep changes the weights", f"systems.{index}.label"
                raise InputError(problem, file=file, field=field, mend="add `label:`")


def _check_codecs(scenario, axes, file):
    """One digest stands for one codec."""
    for axis in axes:
        if (
            axis.system is not None
            and axis.keys[2] == "codec"
            and scenario.systems[axis.system].type == "own"
        ):
            problem, mend = "one digest for several codecs", "write a system for each"
            raise InputError(problem, file=file, field=axis.path, mend=mend)


def _check_pictures(scenario, axes, file):
    """Received pictures stand beside one original each."""
    for axis in axes:
        if scenario.pictures is not None and axis.keys[0] == "images":
            problem, mend = "received pictures are kept of one set of them", "remove `pictures:`"
            raise InputError(problem, file=file, field=axis.path, mend=mend)


def _check_figures(scenario, axes, file):
    """A figure runs along swept numbers only."""
    numbers = {axis.path: all(_is_number(text) for text in axis.texts) for axis in axes}
    for index, figure in enumerate(scenario.figures):
        if figure.x.startswith("sweep."):
            path = figure.x.removeprefix("sweep.")
            place = {"file": file, "field": f"figures.{index}.x"}
            if path not in numbers:
                known = ", ".join(numbers) or "a list in some field sweeps it"
                raise InputError(f"{path} is not swept", **place, mend=f"swept are: {known}")
            if not numbers[path]:
                raise InputError(f"{path} takes names", **place, mend="show it along snr_db or cbr")


def _is_number(text):
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


# What the schema says about lists ---------------------------------------------------------------------------


def _alternatives(schema) -> Iterator[dict]:
    """The plain schemas that a schema may stand for."""
    if "$ref" in schema:
        yield from _alternatives(plain_schema()["$defs"][schema["$ref"].rpartition("/")[2]])
    for group in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(group, ()):
            yield from _alternatives(each)
    if "type" in schema or "enum" in schema or "const" in schema:
        yield schema


def _lists(node, schemas, keys):
    """The swept lists below a node, with the keys that lead there; what the schema does not know has none."""
    if keys and (keys[0] in NO_AXIS or keys[-1:] == ("label",) or not schemas):
        return
    plain = [each for schema in schemas for each in _alternatives(schema)]
    if isinstance(node, list):
        arrays = [each for each in plain if each.get("type") == "array"]
        items = [item for each in arrays for item in (*each.get("prefixItems", ()), each.get("items", {}))]
        nested = any(isinstance(element, list) for element in node)
        takes_lists = any(each.get("type") == "array" for item in items for each in _alternatives(item))
        if node and keys != ("systems",) and (not arrays or (nested and not takes_lists)):
            yield keys, node
            return
        for index, element in enumerate(node):
            yield from _lists(element, items, (*keys, index))
    elif isinstance(node, dict):
        for key, value in node.items():
            below = [each["properties"][key] for each in plain if key in each.get("properties", ())]
            below += [each["additionalProperties"] for each in plain if each.get("additionalProperties")]
            below += [schema for each in plain for schema in each.get("patternProperties", {}).values()]
            yield from _lists(value, below, (*keys, key))


def _merged(dumps, written, swept, keys=()):
    """What all dumps agree in; a swept list as written; where they differ, what was written, if anything."""
    if keys in swept:
        return written
    if all(dump == dumps[0] for dump in dumps) and not any(path[: len(keys)] == keys for path in swept):
        return dumps[0]
    if all(isinstance(dump, dict) for dump in dumps):
        merged = {}
        for key in dict.fromkeys(key for dump in dumps for key in dump):
            below = written.get(key) if isinstance(written, dict) else None
            if all(key in dump for dump in dumps):
                merged[key] = _merged([dump[key] for dump in dumps], below, swept, (*keys, key))
            elif (*keys, key) in swept or below is not None:
                merged[key] = below
        return {key: value for key, value in merged.items() if value is not None}
    if all(isinstance(dump, list) for dump in dumps) and len({len(dump) for dump in dumps}) == 1:
        below = written if isinstance(written, list) else [None] * len(dumps[0])
        return [_merged(list(each), below[i], swept, (*keys, i)) for i, each in enumerate(zip(*dumps))]
    return written
