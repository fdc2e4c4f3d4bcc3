"""Mapping, coding, channels and the Link: the only room that imports Sionna.

Importing this package loads TensorFlow and Sionna (some seconds), quietly and on the CPU settings that make
results repeatable; see `linksim.phy.runtime`.
"""

from linksim.phy import runtime

runtime.load()
