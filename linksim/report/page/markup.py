"""Builds HTML from Python; every text is escaped unless it is markup already."""

import html
import json


class Markup(str):
    """HTML that goes into a page as it is."""

    __slots__ = ()


def element(name: str, /, *content: object, **attributes: object) -> Markup:
    """An HTML element.

    Parameters
    ----------
    name : str
        As `p`.
    *content
        Texts, which are escaped, and markup; None is left out.
    **attributes
        Values as text; True for an attribute without a value, None or False to leave it out. A trailing
        underscore is dropped from names and others become hyphens: `class_`, `aria_label`.

    Examples
    --------
    >>> element("p", "a < b", element("br"), class_="note", hidden=True)
    '<p class="note" hidden>a &lt; b<br></p>'
    """
    words = [name]
    for key, value in attributes.items():
        key = key.rstrip("_").replace("_", "-")
        if value is True:
            words.append(key)
        elif value is not None and value is not False:
            words.append(f'{key}="{html.escape(str(value))}"')
    opening = f"<{' '.join(words)}>"
    return Markup(opening if name in _VOID else f"{opening}{fragment(*content)}</{name}>")


def fragment(*content: object) -> Markup:
    """Texts, which are escaped, and markup, one after the other; None is left out."""
    return Markup(
        "".join(
            part if isinstance(part, Markup) else html.escape(str(part))
            for part in content
            if part is not None
        )
    )


def choice(name: str, legend: str, values: dict[object, str], start: object) -> Markup | None:
    """Radio buttons with their texts by value, one of them chosen; None where there is no choice."""
    if len(values) < 2:
        return None
    buttons = (
        element(
            "label",
            element("input", type="radio", name=name, value=value, checked=value == start),
            element("span", text),
        )
        for value, text in values.items()
    )
    return element("fieldset", element("legend", legend), *buttons, class_="choice")


def embedded_json(data: object) -> Markup:
    """Data as JSON that may stand inside a script element: nothing in it can end the element.

    Examples
    --------
    >>> embedded_json({"label": "</script>"})
    '{"label":"\\\\u003c/script\\\\u003e"}'
    """
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)


_VOID = {"br", "img", "input", "meta"}
