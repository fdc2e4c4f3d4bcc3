"""`--set path.to.field=value`: reaches every field, and says where a path ends."""

import copy

import pytest

from linksim.scenario.dialect import parse
from linksim.scenario.loader import apply_overrides, load_scenario, validate


@pytest.mark.parametrize(
    ("override", "find"),
    [
        ("seed=7", lambda s: s.seed == 7),
        ("channel.snr_db=[0, 5]", lambda s: s.channel.snr_db == (0.0, 5.0)),
        ("channel.snr_db={from: 0, to: 1, step: 0.5}", lambda s: s.channel.snr_db == (0.0, 0.5, 1.0)),
        ("systems.0.code.iterations=3", lambda s: s.systems[0].code.iterations == 3),
        ("systems.0.codec={name: bpg, chroma: 4:4:4}", lambda s: s.systems[0].codec.chroma == "4:4:4"),
        ("stop.max_trials=9", lambda s: s.stop.limit == 9),
        ("title=a = b", lambda s: s.title == "a = b"),
        ("images.limit=", lambda s: s.images.limit is None),
        (" seed = 7", lambda s: s.seed == 7),
    ],
)
def test_an_override_reaches_its_field(override, find, minimal):
    assert find(validate(apply_overrides(minimal, (override,), file="a.yaml"), file="a.yaml"))


def test_later_overrides_win(minimal):
    assert apply_overrides(minimal, ("seed=1", "seed=2"), file="a.yaml")["seed"] == 2


def test_an_empty_part_is_filled(minimal):
    data = apply_overrides(minimal | {"stop": None}, ("stop.max_trials=3",), file="a.yaml")
    assert data["stop"] == {"max_trials": 3}


def test_what_was_read_stays_as_it_is(minimal):
    before = copy.deepcopy(minimal)
    apply_overrides(minimal, ("systems.0.label=x", "channel.snr_db=1"), file="a.yaml")
    assert minimal == before


def test_an_override_changes_one_user_of_an_anchor_only():
    data = parse("systems: [{codec: &c {name: bpg}}, {codec: *c}]")
    systems = apply_overrides(data, ("systems.0.codec.chroma='4:4:4'",), file="a.yaml")["systems"]
    assert systems == [{"codec": {"name": "bpg", "chroma": "4:4:4"}}, {"codec": {"name": "bpg"}}]


@pytest.mark.parametrize(
    ("override", "start"),
    [
        ("seed", "--set seed: no PATH=VALUE"),
        ("=3", "--set =3: no PATH=VALUE"),
        ("a..b=3", "--set a..b=3: no PATH=VALUE"),
        (".".join("a" * 5000) + "=3", "--set a.a."),
        ("seed=[", "--set seed: line 1, column"),
        ("seed=" + "[" * 5000, "--set seed: nested too deeply"),
        ("seed=!!int x", "--set seed: not usable YAML"),
        ("name.first=a", "a.yaml: name.first: --set name.first leads nowhere"),
        ("systems.1.label=a", "a.yaml: systems.1: --set systems.1.label leads nowhere"),
        ("systems.-1.label=a", "a.yaml: systems.-1: --set systems.-1.label leads nowhere"),
        ("systems.first.label=a", "a.yaml: systems.first: --set"),
        ("channel.snr_db.2=4", "a.yaml: channel.snr_db.2: --set"),
    ],
    ids=lambda text: text[:20],
)
def test_a_bad_override_is_refused(override, start, minimal, refusal):
    assert refusal(apply_overrides, minimal, (override,), file="a.yaml").startswith(start)


def test_an_override_can_mend_a_file(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(
        "name: a\nimages: {source: photos}\nbandwidth: {cbr: none}\n"
        "channel: {model: awgn, snr_db: 3}\nsystems: [{type: capacity_bound}]\n"
    )
    assert load_scenario(path, ("bandwidth.cbr=0.5",)).bandwidth.cbr[0] == 0.5
