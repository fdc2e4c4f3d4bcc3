"""End-to-end systems: a dictionary from YAML name to the class that implements it.

The classes are attributes too, loaded when they are named: `linksim.systems.Separated`, `Learned`, `Own`.
"""

from importlib import import_module

from linksim.systems.base import System
from linksim.systems.fallback import GREY

SYSTEMS = {
    "separated": "linksim.systems.separated:Separated",
    "learned": "linksim.systems.learned:Learned",
    "capacity_bound": "linksim.systems.capacity_bound:CapacityBound",
    "bits": "linksim.systems.bits:Bits",
    "own": "linksim.systems.own:Own",
}


def create(spec, cache=None, fallback=GREY, pictures=()) -> System:
    """Build the system that a scenario describes.

    Parameters
    ----------
    spec : SystemSpec
        From `linksim.scenario.systems`.
    cache : linksim.codecs.cache.FileCache, optional
        Where encoded files are remembered.
    fallback : (red, green, blue)
        What the receiver shows when nothing was delivered.
    pictures : sequence of Picture or StoredPicture
        All that are sent in the study: systems of variable rate share the bandwidth out among them.
    """
    module, _, name = SYSTEMS[spec.type].partition(":")
    shared = (pictures,) if spec.type == "learned" else ()
    return getattr(import_module(module), name)(spec, cache, fallback, *shared)


def __getattr__(name):
    for target in SYSTEMS.values():
        module, _, class_name = target.partition(":")
        if name == class_name:
            return getattr(import_module(module), name)
    raise AttributeError(f"module 'linksim.systems' has no attribute {name!r}")
