"""Markup escapes what is not markup, and data cannot leave its script element."""

import json
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from linksim.report.page.markup import Markup, choice, element, embedded_json, fragment


class _Seen(HTMLParser):
    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.text = [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


# Parsers drop NUL and turn CR into LF.
TEXTS = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]))


@given(TEXTS, TEXTS)
def test_texts_and_attributes_come_out_as_they_went_in(text, value):
    seen = _Seen(element("p", text, title=value))
    assert seen.tags == [("p", {"title": value})]
    assert seen.text == text


@given(TEXTS)
def test_data_stays_inside_its_script(text):
    embedded = embedded_json({"label": text})
    assert not set("<>&") & set(embedded)
    assert json.loads(embedded) == {"label": text}


def test_markup_is_kept_and_nothing_is_left_out():
    assert element("p", Markup("<b>x</b>"), None, 3, hidden=True, id=None) == "<p hidden><b>x</b>3</p>"
    assert fragment("<", Markup("<br>")) == "&lt;<br>"


def test_one_value_is_no_choice():
    assert choice("y", "Show", {"psnr_db": "PSNR"}, "psnr_db") is None
    assert choice("y", "Show", {"a": "A", "b": "B"}, "b").count("checked") == 1
