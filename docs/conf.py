"""The site of the documentation: `make docs` builds it with Sphinx from the pages beside this file."""

import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))

import reference  # noqa: E402

import linksim  # noqa: E402

project = "linksim"
author = "the authors of linksim"
version = release = linksim.__version__
copyright = "Apache-2.0"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns = ["_build"]
myst_heading_anchors = 4
# Shell lines and YAML are written for people; not each can be read as its language.
suppress_warnings = ["misc.highlighting_failure"]

# Docstrings are Markdown in spirit: `Link` is a name in code.
default_role = "code"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_title = "linksim"
html_show_sourcelink = False
html_show_copyright = False
html_static_path = ["site.css"]
html_css_files = ["site.css"]

#: The pages by what one comes for. What is not there is left out; what is not named stands under "More".
NAVIGATION = {
    "Start": ["tutorial", "guide", "bring_your_own"],
    "Studies": ["channels", "separate-chain", "error-rates", "compare", "report", "cluster"],
    "Learned systems": [
        "systems/deepjscc_q",
        "systems/ujscc",
        "systems/jcm",
        "systems/mdjcm",
        "training",
        "training-photos",
    ],
    "Trust": ["definitions", "reproduction", "verification", "performance", "reliability"],
    "Reference": ["reference/commands", "reference/scenario", "reference/python"],
    "Inside": ["architecture", "bpg"],
}


def navigation() -> str:
    """The table of contents of the site, as MyST."""
    there = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")}
    there = {name for name in there if not name.startswith("_build")} - {"index"}
    named = {name for pages in NAVIGATION.values() for name in pages}
    sections = {**NAVIGATION, "More": sorted(there - named)}
    parts = []
    for caption, pages in sections.items():
        pages = [page for page in pages if page in there]
        if pages:
            parts += ["```{toctree}", ":hidden:", f":caption: {caption}", *pages, "```", ""]
    return "\n".join(parts)


def complete(app, name, source):
    """Put what is generated into the pages that ask for it."""
    if name == "index":
        source[0] += "\n" + navigation()
    for marker, generate in reference.GENERATED.items():
        if f"<!-- {marker} -->" in source[0]:
            source[0] = source[0].replace(f"<!-- {marker} -->", generate())


def setup(app):
    app.connect("source-read", complete)
