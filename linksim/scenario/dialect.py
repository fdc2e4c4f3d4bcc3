"""The YAML that scenarios are written in: plain values without surprises, read within bounds."""

import re
from pathlib import Path
from typing import Any

import yaml

from linksim.scenario.errors import InputError

#: A scenario is text that a person wrote; what is larger is something else.
_MAX_BYTES = 1_000_000
_MAX_NODES = 50_000

# YAML 1.1, PyYAML's, reads 4:2:0 as 14520, no as false and 1e3 as text. These are YAML 1.2's rules.
_PLAIN = (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    ("merge", "<<", ["<"]),
)


class _Loader(yaml.SafeLoader):
    """Safe YAML 1.2 scalars, without repeated keys and without alias bombs."""

    yaml_implicit_resolvers = {}  # noqa: RUF012 (PyYAML's own way to say it)

    def __init__(self, text):
        super().__init__(text)
        self._nodes = 0
        self._nodes_of_anchor = {}

    def compose_node(self, parent, index):
        """Count what the document would hold with its aliases written out."""
        event, before = self.peek_event(), self._nodes
        node = super().compose_node(parent, index)
        if isinstance(event, yaml.AliasEvent):
            self._nodes += self._nodes_of_anchor.get(event.anchor, 1)
        else:
            self._nodes += 1
            if event.anchor is not None:
                self._nodes_of_anchor[event.anchor] = self._nodes - before
        if self._nodes > _MAX_NODES:
            raise yaml.YAMLError(f"more than {_MAX_NODES} values")
        return node

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    problem = f"the key {key.value!r} appears twice"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Quotes whatever this dialect or PyYAML's would not read back as text."""

    def ignore_aliases(self, data):
        return True


for _tag, _pattern, _first in _PLAIN:
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)
_Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(loader.construct_scalar(node)))


def parse(text: str, *, file: str | None = None, field: str | None = None) -> Any:
    """Parse YAML text without executing anything in it.

    Parameters
    ----------
    text : str
    file, field : str, optional
        Where the text stands, for the error.

    Raises
    ------
    InputError
        The text is no YAML, repeats a key, or holds too much.
    """
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        problem, mend = _problem(error), "correct the YAML there"
        raise InputError(problem, file=file, field=field, mend=mend) from error
    except RecursionError as error:
        raise InputError("nested too deeply", file=file, field=field, mend="write plain values") from error
    except (
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
    ) as error:  # what PyYAML lets through for odd tags and numbers
        problem, mend = f"not usable YAML ({error})", "write plain values"
        raise InputError(problem[:200], file=file, field=field, mend=mend) from error


def read_yaml(path: str | Path) -> Any:
    """Parse one YAML file.

    Raises
    ------
    InputError
        The file cannot be read, is no text, or is no YAML.
    """
    try:
        with Path(path).open("rb") as file:
            data = file.read(_MAX_BYTES + 1)  # st_size says nothing of pipes and devices
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot be read ({reason})", file=str(path), mend="check the path") from error
    if len(data) > _MAX_BYTES:
        raise InputError("too large for a scenario", file=str(path), mend="pass a YAML scenario")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise InputError("not a UTF-8 text file", file=str(path), mend="save it as UTF-8") from error
    return parse(text, file=str(path))


def write_yaml(data: Any) -> str:
    """Return plain data as YAML that reads back as the same data."""
    return yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=None, width=110
    )


def _problem(error):
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    problem = f"line {mark.line + 1}, column {mark.column + 1}: {problem}" if mark else problem
    return problem if len(problem) <= 200 else problem[:197] + "..."
