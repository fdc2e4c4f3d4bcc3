"""The one place where Sionna's random numbers are seeded."""

from sionna.phy import config


def seed(value: int) -> None:
    """Start all of Sionna's generators from this seed."""
    config.seed = value
