"""What the tests of the codes share."""

import pytest

from linksim.phy.ldpc.nr import LIFTING_SIZES, nr_code


@pytest.fixture
def k_of_every_lifting_size():
    """A function from base graph to the most information bits for which each lifting size is taken."""

    def ks(base_graph):
        found = {}
        # Information columns in use, and the most information bits for which they are (TS 38.212, 5.2.2).
        limits = [(22, 8448)] if base_graph == 1 else [(6, 192), (8, 560), (9, 640), (10, 3840)]
        for lifting in sorted(size for sizes in LIFTING_SIZES for size in sizes):
            for used, most in limits:
                k = min(used * lifting, most)
                if nr_code(k, k, base_graph).lifting == lifting:
                    found[lifting] = k
        assert len(found) == 51
        return found

    return ks
