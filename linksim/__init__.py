"""linksim: learned and separate image transmission over one and the same physical layer."""

__version__ = "0.1.0"
