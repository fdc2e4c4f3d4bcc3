"""What tests of several rooms share: the smallest scenario, and a check of error texts."""

import pytest
from hypothesis import settings

from linksim.scenario.errors import InputError

# The same examples every time, and no clock: a loaded machine is no reason to fail.
settings.register_profile("linksim", derandomize=True, deadline=None)
settings.load_profile("linksim")


@pytest.fixture
def minimal():
    """The smallest useful scenario as parsed YAML; each test gets its own."""
    return {
        "name": "minimal",
        "images": {"source": "patches32", "limit": 4},
        "bandwidth": {"cbr": "1/6"},
        "channel": {"model": "awgn", "snr_db": [4, 10]},
        "systems": [
            {
                "type": "separated",
                "label": "JPEG 2000",
                "codec": {"name": "jpeg2000"},
                "mcs": {"indices": [4, 9]},
            }
        ],
    }


@pytest.fixture
def refusal():
    """Runs a function that must raise InputError; returns the text of the error, of two lines at most."""

    def refused(function, *arguments, **options):
        with pytest.raises(InputError) as caught:
            function(*arguments, **options)
        text = str(caught.value)
        problem, *mend = text.split("\n")
        assert problem
        assert len(mend) <= 1
        assert len(text) < 1000
        return text

    return refused
