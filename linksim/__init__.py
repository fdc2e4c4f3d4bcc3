"""linksim: learned and separate image transmission over one and the same physical layer.

What programs use is loaded when it is first named, so that `import linksim` costs nothing:

>>> import linksim
>>> linksim.load_scenario, linksim.run, linksim.Results  # doctest: +ELLIPSIS
(<function load_scenario at ...>, <function run at ...>, <class 'linksim.api.Results'>)
"""

from importlib import import_module

__version__ = "0.1.0"

_PUBLIC = {
    "InputError": "linksim.scenario.errors",
    "Link": "linksim.phy.link",
    "Results": "linksim.api",
    "Scenario": "linksim.scenario.schema",
    "load_scenario": "linksim.scenario.loader",
    "run": "linksim.api",
}
"""Where each public name stands."""

_ROOMS = ("images", "jscc", "metrics", "modulation", "phy", "systems", "zoo")
"""Packages that are loaded when they are named."""

__all__ = ["__version__", *_PUBLIC, *_ROOMS]


def __getattr__(name):
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    if name in _ROOMS:
        return import_module(f"linksim.{name}")
    raise AttributeError(f"module 'linksim' has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *_PUBLIC, *_ROOMS})
