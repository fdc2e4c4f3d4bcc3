"""Fuzz: valid scenarios load and survive a dump; whatever else, InputError is the only exception."""

import copy

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linksim.scenario.dialect import parse
from linksim.scenario.errors import InputError
from linksim.scenario.loader import dump_scenario, validate
from linksim.scenario.sweep import expand

#: The same examples everywhere, whatever the machine's speed; other seeds are for a hunt at leisure.
FUZZ = settings(suppress_health_check=[HealthCheck.too_slow])

names = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,20}\Z")
texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40)
snrs_db = st.floats(-100, 100).map(lambda value: round(value, 3))
cbrs = st.one_of(
    st.fractions(min_value="1/5000", max_value=4, max_denominator=5000).map(str),
    st.floats(1e-6, 4),
)
sweeps = st.one_of(
    snrs_db,
    st.lists(snrs_db, min_size=1, max_size=5, unique=True),
    st.builds(
        lambda start, width, step: {"from": start, "to": min(start + width, 100), "step": step},
        st.integers(-100, 100),
        st.integers(0, 50),
        st.sampled_from([0.1, 0.5, 1, 7]),
    ),
)
codecs = st.one_of(
    st.fixed_dictionaries(
        {"name": st.just("bpg")},
        optional={"chroma": st.sampled_from(["4:2:0", "4:4:4"]), "preset": st.just("slower")},
    ),
    st.fixed_dictionaries({"name": st.just("bpgenc")}, optional={"level": st.integers(1, 9)}),
    st.fixed_dictionaries({"name": st.sampled_from(["jpeg", "jpeg2000"])}),
)
mcs = st.one_of(
    st.fixed_dictionaries({"policy": st.just("fixed"), "index": st.integers(0, 26)}),
    st.fixed_dictionaries(
        {"table": st.sampled_from(["pdsch-1", "pdsch-2", "pdsch-3", "pdsch-4"])},
        optional={"indices": st.lists(st.integers(0, 26), min_size=1, unique=True)},
    ),
)
references = st.sampled_from(["zoo:ujscc/b", "zoo:deepjscc/a", "my/own.weights.h5"])
weights = st.one_of(
    references,
    st.fixed_dictionaries({"snr_db": st.dictionaries(snrs_db, references, min_size=1, max_size=3)}),
    st.fixed_dictionaries(
        {"order": st.dictionaries(st.sampled_from([1, 2, 4, 6, 8, 10, 12]), references, min_size=1)}
    ),
)
boundaries = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"target_ser": st.floats(0.001, 0.499)}),
    st.fixed_dictionaries(
        {"boundaries": st.lists(st.integers(-100, 100), min_size=1, max_size=6, unique=True).map(sorted)}
    ),
)
systems = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("separated"), "label": texts}, optional={"codec": codecs, "mcs": mcs}
    ),
    st.builds(
        lambda label, weights, more: {"type": "learned", "label": label, "weights": weights, **more},
        texts,
        weights,
        boundaries,
    ),
    st.fixed_dictionaries(
        {"type": st.just("capacity_bound"), "label": texts},
        optional={"codec": codecs, "capacity": st.sampled_from(["bicm", "gaussian"])},
    ),
)
images = st.one_of(
    st.fixed_dictionaries(
        {"source": st.sampled_from(["photos", "kodak"])},
        optional={"crop": st.tuples(st.integers(1, 999), st.integers(1, 999)).map(list)},
    ),
    st.fixed_dictionaries(
        {"source": st.sampled_from(["patches32", "cifar10", "fashion_mnist"])},
        optional={"limit": st.none() | st.integers(1, 999)},
    ),
    st.fixed_dictionaries({"source": st.just("folder"), "path": texts}, optional={"strict": st.booleans()}),
)
scenarios = st.fixed_dictionaries(
    {
        "name": names,
        "images": images,
        "bandwidth": st.fixed_dictionaries({"cbr": cbrs}),
        "channel": st.fixed_dictionaries(
            {"model": st.sampled_from(["awgn", "rayleigh_block", "rayleigh_fast", "ofdm"]), "snr_db": sweeps}
        ),
        "systems": st.lists(systems, min_size=1, max_size=3, unique_by=lambda system: system["label"]),
    },
    optional={
        "title": st.none() | texts,
        "seed": st.integers(0, 2**31 - 1),
        "fallback": st.sampled_from(["grey", {"mean_colour": [0, 128, 255]}]),
        "metrics": st.lists(st.sampled_from(["psnr", "ssim", "ms_ssim"]), min_size=1, unique=True),
        "stop": st.builds(
            lambda trials, more: {"trials": trials, "max_trials": trials + more, "min_block_errors": 1},
            st.integers(1, 99),
            st.integers(1, 99),
        ),
        "figures": st.lists(
            st.fixed_dictionaries({"y": st.sampled_from(["psnr_db", "bler"]), "file": names}),
            max_size=3,
            unique_by=lambda figure: figure["file"],
        ),
    },
)
keys = st.text(max_size=5) | st.sampled_from(["name", "from", None, 1, True])
junk = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=10),
        st.binary(max_size=5),
        st.dates(),
        st.sampled_from(["", "nan", "1/0", "1e999", 10**400, "\ud800", -0.0, "separated", "bpg", "awgn"]),
    ),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(max_size=5) | st.integers() | st.none() | st.just("name"), inner, max_size=3
        )
    ),
    max_leaves=6,
)


def places(node):
    """Every container of a scenario with each of its keys."""
    for key, value in list(node.items() if isinstance(node, dict) else enumerate(node)):
        yield node, key
        if isinstance(value, dict | list):
            yield from places(value)


def mutate(node, key, draw):
    """Replace, delete or add one value."""
    kind = draw(st.sampled_from(["replace", "delete", "add"]))
    if kind == "add" and isinstance(node, dict):
        node[draw(keys)] = draw(junk)
    elif kind == "delete" and len(node) > 1:
        del node[key]
    else:
        node[key] = draw(junk)


def error_text(function):
    """The text of the InputError that a function raises; empty when it raises nothing."""
    try:
        function()
    except InputError as error:
        return str(error)
    return ""


@given(scenarios)
@settings(FUZZ, max_examples=100)
def test_a_valid_scenario_loads_and_survives_a_dump(data):
    scenario = validate(data, file="a.yaml")
    assert expand(data, file="a.yaml").axes == ()
    assert validate(parse(dump_scenario(scenario)), file="b.yaml") == scenario


@given(scenarios, st.data())
@settings(FUZZ, max_examples=400)
def test_a_mutation_loads_or_is_refused_in_two_lines(scenario, data):
    scenario = copy.deepcopy(scenario)  # parts of it belong to the strategy
    for _ in range(data.draw(st.integers(1, 3))):
        node, key = data.draw(st.sampled_from(list(places(scenario))))
        mutate(node, key, data.draw)
    text = error_text(lambda: expand(scenario, file="a.yaml"))
    assert text.count("\n") <= 1
    assert len(text) < 1000


@given(scenarios.map(yaml.safe_dump), st.data())
@settings(FUZZ, max_examples=200)
def test_garbled_text_loads_or_is_refused_in_two_lines(text, data):
    place = data.draw(st.integers(0, len(text)))
    extra = data.draw(st.text("[]{}:-&*!|>'\"%@`\t\n,? ", max_size=3) | st.text(max_size=9))
    text = text[:place] + extra + text[place + 1 :]
    assert error_text(lambda: expand(parse(text, file="a.yaml"), file="a.yaml")).count("\n") <= 1
