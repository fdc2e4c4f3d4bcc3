"""Turns what pydantic found into one error that names the field and the mend."""

import difflib
from typing import Any

from pydantic import ValidationError

from linksim.scenario.errors import InputError, brief

# What to write instead, by the kind of pydantic's error or the first word of it.
_MENDS = {
    "int": "write a whole number",
    "float": "write a number",
    "finite": "write a number",
    "bool": "write true or false",
    "string": "write text, in quotes if need be",
    "tuple": "write a list, as [a, b]",
    "model": "write a mapping, as {{field: value}}",
    "invalid": "write keys as text",
    "greater_than": "write more than {gt}",
    "greater_than_equal": "write {ge} or more",
    "less_than": "write less than {lt}",
    "less_than_equal": "write {le} or less",
    "too_short": "list at least {min_length}",
    "too_long": "list at most {max_length}",
    "string_too_short": "write at least {min_length} character",
    "string_too_long": "write at most {max_length} characters",
    "string_pattern_mismatch": "write text that matches {pattern}",
}


def explain(error: ValidationError, data: Any, file: str) -> InputError:
    """Report the first problem, with the number of the others.

    Parameters
    ----------
    error : ValidationError
    data : parsed YAML
        What was validated.
    file : str
        The file that holds it.
    """
    problems = {}
    for problem in error.errors(include_url=False):
        problems.setdefault(_place(data, problem), problem)
    # The members of a union all report; the one that got deepest is meant.
    passed = {place[:depth] for place in problems for depth in range(len(place))}
    places = [place for place in problems if place not in passed]
    # An unknown key is often why another one is missing.
    first = min(places, key=lambda place: problems[place]["type"] != "extra_forbidden")
    text, mend = _explain_one(problems[first])
    if len(places) > 1:
        text += f" (and {len(places) - 1} more)"
    field = _cut(".".join(map(str, first)), 200)
    return InputError(text, file=file, field=field or None, mend=_cut(mend, 300))


def _place(data, problem):
    """Path of the field, without the tags that pydantic puts in for the members of a union."""
    kind, context = problem["type"], problem.get("ctx", {})
    path, node = [], data
    for part in problem["loc"]:
        if not isinstance(node, dict | list):
            break
        try:
            node = node[part]
        except (LookupError, TypeError):
            continue
        path.append(part)
    if kind == "missing":
        path.append(problem["loc"][-1])
    if kind.startswith("union_tag"):
        path.append(_discriminator(context))
    if kind == "refusal" and context["field"]:
        path += context["field"].split(".")
    return tuple(path)


def _explain_one(problem) -> tuple[str, str]:
    kind, context, value = problem["type"], problem.get("ctx", {}), problem.get("input")
    if kind == "refusal":
        return context["problem"], context["mend"]
    if kind == "extra_forbidden":
        return "unknown key", "remove it or correct its spelling"
    if kind == "missing":
        name = problem["loc"][-1]
        return "missing", "write one more value" if isinstance(name, int) else f"add `{name}:`"
    if kind == "union_tag_not_found":
        return "missing", f"add `{_discriminator(context)}:`"
    if kind == "union_tag_invalid":
        return _choice(context["tag"], context["expected_tags"])
    if kind == "literal_error":
        return _choice(value, context["expected"])
    mend = _MENDS.get(kind) or _MENDS.get(kind.split("_")[0], "correct the value")
    return f"{brief(value)} is not allowed", mend.format(**context)


def _discriminator(context):
    return context["discriminator"].strip("'")


def _choice(value, expected):
    names = expected.replace("'", "").replace(" or ", ", ").split(", ")
    close = difflib.get_close_matches(str(value)[:80], names, n=1)
    perhaps = f"perhaps {close[0]}; " if close and len(names) > 1 else ""
    return f"{brief(value)} is not known", f"{perhaps}write {'one of ' * (len(names) > 1)}{', '.join(names)}"


def _cut(text, length):
    return text if len(text) <= length else text[: length - 3] + "..."
