"""Every kind of mistake in a scenario: the error names the file, the path of the field and a mend."""

import pytest

from linksim.scenario.loader import apply_overrides, validate

MISTAKES = [
    # unknown keys
    ("foo=1", "foo", "correct its spelling"),
    ("systems.0.codec.chrmoa=4:4:4", "systems.0.codec.chrmoa", "correct its spelling"),
    ("images.crop=[8, 8]", "images.crop", "remove it"),
    ("systems.0={type: separated, label: a, 1: 2}", "systems.0.1", "keys as text"),
    # wrong types
    ("seed=true", "seed", "whole number"),
    ("seed='5'", "seed", "whole number"),
    ("seed=1.5", "seed", "whole number"),
    ("name=5", "name", "text, in quotes"),
    ("title=[a]", "title", "text, in quotes"),
    ("images=3", "images", "mapping"),
    ("systems=abc", "systems", "list"),
    ("systems.0=[]", "systems.0", "mapping"),
    ("systems.0.codec=bpg", "systems.0.codec", "mapping"),
    ("systems.0.code.iterations=many", "systems.0.code.iterations", "whole number"),
    ("systems.0.mcs.indices=[1, true]", "systems.0.mcs.indices.1", "whole number"),
    ("channel.snr_db=ten", "channel.snr_db", "number"),
    ("channel.snr_db=[1, true]", "channel.snr_db.1", "number"),
    ("figures=[{y: psnr_db, file: a, log_y: 1}]", "figures.0.log_y", "true or false"),
    ("images={source: folder, path: a, strict: 1}", "images.strict", "true or false"),
    ("systems.0.codec={name: bpgenc, level: true}", "systems.0.codec.level", "whole number"),
    ("metrics=psnr", "metrics", "list"),
    # out of range
    ("seed=-1", "seed", "0 or more"),
    ("seed=2147483648", "seed", "less than 2147483648"),
    ("bandwidth.cbr=0", "bandwidth.cbr", "more than 0"),
    ("bandwidth.cbr=[1/6, 9]", "bandwidth.cbr.1", "4 or less"),
    ("bandwidth.cbr=1/0", "bandwidth.cbr", "1/12"),
    ("channel.snr_db=1000", "channel.snr_db", "100"),
    ("stop.max_trials=0", "stop.max_trials", "1 or more"),
    ("stop.psnr_halfwidth_db=.inf", "stop.psnr_halfwidth_db", "number"),
    ("systems.0.label=''", "systems.0.label", "at least 1"),
    (f"systems.0.label={'x' * 81}", "systems.0.label", "at most 80"),
    ("name=a b", "name", "matches"),
    ("images.limit=0", "images.limit", "1 or more"),
    ("fallback={mean_colour: [0, 0, 256]}", "fallback.mean_colour.2", "255 or less"),
    # missing
    ("images={source: folder}", "images.path", "add `path:`"),
    ("images={}", "images.source", "add `source:`"),
    ("channel={snr_db: 3}", "channel.model", "add `model:`"),
    ("systems.0.codec={}", "systems.0.codec.name", "add `name:`"),
    ("channel.snr_db={from: 0, to: 1}", "channel.snr_db.step", "add `step:`"),
    ("images={source: photos, crop: [8]}", "images.crop.1", "one more value"),
    ("fallback={mean_colour: [1, 2]}", "fallback.mean_colour.2", "one more value"),
    # unknown names
    ("images.source=photo", "images.source", "perhaps photos"),
    ("channel.model=rayleigh", "channel.model", "rayleigh_block"),
    ("systems.0.codec.name=webp", "systems.0.codec.name", "jpeg2000"),
    ("systems.0.codec={name: bpg, chroma: 420}", "systems.0.codec.chroma", "4:2:0"),
    ("systems.0.mcs.table=pdsch-5", "systems.0.mcs.table", "perhaps pdsch-"),
    ("systems.0.mcs.table=wifi", "systems.0.mcs.table", "perhaps wifi-ad"),
    ("systems.0.code.name=80211ad", "systems.0.code.name", "ieee80211ad-ldpc"),
    ("systems.0.code.decoder=fats", "systems.0.code.decoder", "perhaps fast"),
    ("systems.0.code.precision=int8", "systems.0.code.precision", "int16"),
    ("fallback=purple", "fallback", "grey"),
    ("figures=[{y: pnsr_db, file: a}]", "figures.0.y", "perhaps psnr_db"),
    # empty sweeps and ranges
    ("channel.snr_db=[]", "channel.snr_db", "at least 1"),
    ("bandwidth.cbr=[]", "bandwidth.cbr", "at least 1"),
    ("systems=[]", "systems", "at least 1"),
    ("channel.snr_db={from: 1, to: 0, step: 1}", "channel.snr_db.to", "swap"),
    ("channel.snr_db={from: 0, to: 90, step: 0.0001}", "channel.snr_db.step", "more"),
    # repetitions
    ("channel.snr_db=[1, 1.0]", "channel.snr_db", "make each different"),
    ("bandwidth.cbr=[1/6, 2/12]", "bandwidth.cbr", "make each different"),
    ("figures=[{y: ber, file: a}, {y: ser, file: a}]", "figures.1.file", "make each different"),
    ("metrics=[psnr, psnr]", "metrics", "once"),
    ("systems.0.mcs.indices=[3, 3]", "systems.0.mcs.indices", "once"),
    # impossible combinations
    ("systems.0.mcs={policy: fixed}", "systems.0.mcs.index", "add `index"),
    ("systems.0.mcs={policy: fixed, index: 3, indices: [3]}", "systems.0.mcs.indices", "`index`"),
    ("systems.0.mcs={index: 3}", "systems.0.mcs.index", "`indices`"),
    ("systems.0.mcs={policy: fixed, index: 29}", "systems.0.mcs.index", "0 to 28"),
    ("systems.0.mcs={table: pdsch-4, indices: [27]}", "systems.0.mcs.indices", "0 to 26"),
    ("systems.0.mcs={table: wifi-ad, indices: [16]}", "systems.0.mcs.indices", "0 to 15"),
    ("systems.0.mcs={table: papers-ldpc, policy: fixed, index: 12}", "systems.0.mcs.index", "0 to 11"),
    ("systems.0.mcs={policy: threshold, index: 3}", "systems.0.mcs.index", "threshold with `indices`"),
    ("systems.0.mcs={target_bler: 0.1}", "systems.0.mcs.target_bler", "remove it"),
    ("systems.0.mcs={calibration: measured}", "systems.0.mcs.calibration", "remove it"),
    (
        "systems.0.mcs={policy: threshold, calibration: sionna, table: wifi-ad}",
        "systems.0.mcs.calibration", "blocks are sent",
    ),
    ("systems.0.mcs={policy: threshold, target_bler: 1}", "systems.0.mcs.target_bler", "less than 1"),
    ("systems.0.mcs={policy: threshold, target_bler: 0.01}", "systems.0.mcs.target_bler", "0.02 or more"),
    ("systems.0.code={name: ieee80211ad-ldpc}", "systems.0.code.name", "mcs.table to one of wifi-ad"),
    (
        "systems.0={type: separated, label: a, code: {name: nr-ldpc}, mcs: {table: wifi-ad}}",
        "systems.0.code.name", "leave it out",
    ),
    (
        "systems.0={type: separated, label: a, code: {decoder: fast}, mcs: {table: gallager}}",
        "systems.0.code.decoder", "decoder: sionna",
    ),
    (
        "systems.0={type: separated, label: a, code: {precision: int16}, mcs: {table: gallager}}",
        "systems.0.code.precision", "remove precision",
    ),
    ("systems.0.code={name: uncoded}", "systems.0.code.name", "mcs.table to one of uncoded"),
    ("systems.0.code={decoder: sionna, precision: int16}", "systems.0.code.precision", "remove it"),
    ("channel={model: ofdm, snr_db: 3, profile: tdl-f}", "channel.profile", "one of tdl-a"),
    ("channel={model: ofdm, snr_db: 3, pilots: [2, 2]}", "channel.pilots", "once"),
    ("channel={model: ofdm, snr_db: 3, pilots: [14]}", "channel.pilots.0", "less than 14"),
    ("channel={model: ofdm, snr_db: 3, delay_spread_ns: 1000}", "channel.cyclic_prefix", "at least 75"),
    ("channel={model: ofdm, snr_db: 3, fft_size: 16}", "channel.cyclic_prefix", "at most fft_size"),
    ("channel={model: ofdm, snr_db: 3, rx_antennas: 0}", "channel.rx_antennas", "1"),
    ("link={csi: ls}", "link.csi", "take ofdm"),
    ("link={csi: both}", "link.csi", "rayleigh_block"),
    ("link={interpolation: lin}", "link.interpolation", "set csi to ls"),
    ("link={amplifier: {model: saleh}}", "link.amplifier.model", "rapp"),
    ("link={amplifier: {smoothness: 0}}", "link.amplifier.smoothness", "0.5"),
    ("stop={trials: 3, max_trials: 2}", "stop.max_trials", "raise it"),
    ("stop.psnr_halfwidth_db=0.1", "stop", "stop.max_trials above 1"),
    ("stop.min_block_errors=10", "stop", "stop.max_trials above 1"),
    ("figures=[{y: ms_ssim, file: a}]", "figures.0.y", "add ms_ssim to `metrics`"),
    ("figures=[{y: psnr_db, file: a}, {y: accuracy, file: b}]", "figures.1.y", "add `classifier: {"),
    ("figures=[{x: accuracy, y: psnr_db, file: a}]", "figures.0.x", "show another column"),
    ("systems.0.classifier=zoo:a/b", "systems.0.classifier", "mapping"),
    ("systems.0.classifier={}", "systems.0.classifier.weights", "add `weights:`"),
    ("systems.0.classifier={weights: a}", "systems.0.classifier.weights", "zoo:MODEL/NAME"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("mistake", "field", "mend"), MISTAKES, ids=[mistake[:40] for mistake, *_ in MISTAKES]
)
def test_a_mistake_is_named_with_its_mend(mistake, field, mend, minimal, refusal):
    text = refusal(validate, apply_overrides(minimal, (mistake,), file="a.yaml"), file="a.yaml")
    assert text.startswith(f"a.yaml: {field}: ")
    assert mend in text.split("\nmend: ")[1]


@pytest.mark.parametrize(
    "mistake", ["channel.model=rayleigh_fast", "link={amplifier: {}}"], ids=["fading", "amplifier"]
)
def test_tables_of_error_rates_are_those_of_awgn(mistake, minimal, refusal):
    overrides = ("systems.0.mcs={policy: threshold, calibration: sionna}", mistake)
    text = refusal(validate, apply_overrides(minimal, overrides, file="a.yaml"), file="a.yaml")
    assert text.startswith("a.yaml: systems.0.mcs.calibration: Sionna's error rates")
    assert "write measured" in text


@pytest.mark.parametrize(
    ("link", "channel", "field", "mend"),
    [
        ({"csi": "both"}, {}, "link.csi", "take rayleigh_block"),
        ({"csi": "ls"}, {"pilots": []}, "channel.pilots", "such as [2, 11]"),
    ],
)
def test_what_makes_no_sense_on_ofdm_is_refused(link, channel, field, mend, minimal, refusal):
    minimal |= {"link": link, "channel": {"model": "ofdm", "snr_db": 3, **channel}}
    text = refusal(validate, minimal, file="a.yaml")
    assert text.startswith(f"a.yaml: {field}: ")
    assert mend in text.split("\nmend: ")[1]


@pytest.mark.parametrize(
    ("fields", "field", "mend"),
    [
        ({"target_ser": 0}, "target_ser", "more than 0"),
        ({"target_ser": 0.5}, "target_ser", "less than 0.5"),
        ({"boundaries": []}, "boundaries", "at least 1"),
        ({"boundaries": 4}, "boundaries", "list"),
        ({"boundaries": [4, "x"]}, "boundaries.1", "number"),
        ({"boundaries": [4, 4]}, "boundaries", "once"),
        ({"boundaries": [9, 4]}, "boundaries", "the lowest first"),
        ({"boundaries": [4], "target_ser": 0.1}, "boundaries", "one of the two"),
        ({"weights": {"order": {}}}, "weights.order", "at least 1"),
        ({"weights": {"order": {3: "zoo:a/b"}}}, "weights.order.3", "one of 1, 2, 4, 6, 8, 10, 12"),
        ({"weights": {"order": {"16QAM": "zoo:a/b"}}}, "weights.order.16QAM", "bits per symbol"),
        ({"weights": {"order": {True: "zoo:a/b"}}}, "weights.order.1", "bits per symbol"),
        ({"weights": {"order": {4: "a"}}}, "weights.order.4", "zoo:MODEL/NAME"),
        ({"weights": {"order": {1: "zoo:a/b", "1": "zoo:a/c"}}}, "weights.order", "once"),
        ({"weights": {"order": {1: "zoo:a/b"}, "snr_db": {1: "zoo:a/b"}}}, "weights.order", "write one"),
    ],
    ids=str,
)
def test_mistakes_about_modulation_orders_are_named(fields, field, mend, minimal, refusal):
    minimal["systems"] = [{"type": "learned", "weights": "zoo:a/b", **fields}]
    text = refusal(validate, minimal, file="a.yaml")
    assert text.startswith(f"a.yaml: systems.0.{field}: ")
    assert mend in text.split("\nmend: ")[1]


@pytest.mark.parametrize(
    ("fields", "field", "mend"),
    [
        ({"images": {"source": "photos"}}, "images", "remove it"),
        ({"bandwidth": {"cbr": "1/6"}}, "bandwidth", "remove it"),
        ({"chunk": 3}, "chunk", "remove it"),
        ({"pictures": {"images": [0], "snr_db": 0}}, "pictures", "remove it"),
        ({"stop": {"max_trials": 9, "psnr_halfwidth_db": 0.1}}, "stop.psnr_halfwidth_db", "min_block_errors"),
        ({"figures": [{"y": "psnr_db", "file": "a"}]}, "figures.0.y", "show one of snr_db"),
        ({"figures": [{"x": "cbr", "y": "ber", "file": "a"}]}, "figures.0.x", "show one of snr_db"),
        ({"systems": [{"type": "bits", "label": "a"}]}, "systems.0.uses", "add `uses:`"),
        ({"systems": [{"type": "bits", "label": "a", "uses": 0}]}, "systems.0.uses", "1 or more"),
        (
            {"systems": [{"type": "bits", "label": "a", "uses": 9, "mcs": {"policy": "envelope"}}]},
            "systems.0.mcs.policy", "remove it",
        ),
        (
            {"systems": [{"type": "bits", "label": "a", "uses": 9, "mcs": {"table": "uncoded", "index": 7}}]},
            "systems.0.mcs.index", "0 to 6",
        ),
        (
            {"systems": [{"type": "bits", "label": "a", "uses": 9, "mcs": {"index": 7, "indices": [7]}}]},
            "systems.0.mcs.indices", "one of the two",
        ),
        (
            {"systems": [{"type": "bits", "label": "a", "uses": 9, "code": {"name": "uncoded"}}]},
            "systems.0.code.name", "uncoded",
        ),
        (
            {"systems": [{"type": "bits", "label": "a", "uses": 9}, {"type": "capacity_bound"}]},
            "systems.0.type", "a scenario of their own",
        ),
    ],
    ids=str,
)  # fmt: skip
def test_mistakes_about_studies_without_pictures_are_named(fields, field, mend, refusal):
    study = {
        "name": "a",
        "channel": {"model": "awgn", "snr_db": 0},
        "systems": [{"type": "bits", "label": "a", "uses": 100}],
    }
    text = refusal(validate, study | fields, file="a.yaml")
    assert text.startswith(f"a.yaml: {field}: ")
    assert mend in text.split("\nmend: ")[1]


@pytest.mark.parametrize("field", ["name", "images", "bandwidth", "channel", "systems"])
def test_a_missing_part_is_named(field, minimal, refusal):
    del minimal[field]
    assert refusal(validate, minimal, file="a.yaml") == f"a.yaml: {field}: missing\nmend: add `{field}:`"


def test_equal_labels_are_refused(minimal, refusal):
    minimal["systems"] *= 2
    text = refusal(validate, minimal, file="a.yaml")
    assert text.startswith("a.yaml: systems.1.label: JPEG 2000 appears more than once")


def test_two_bounds_need_labels(minimal, refusal):
    minimal["systems"] = [{"type": "capacity_bound"}, {"type": "capacity_bound", "capacity": "gaussian"}]
    assert refusal(validate, minimal, file="a.yaml").startswith(
        "a.yaml: systems.1.label: capacity bound appears"
    )


def test_an_unknown_key_comes_before_what_it_left_missing(minimal, refusal):
    minimal["chanel"] = minimal.pop("channel")
    text = refusal(validate, minimal, file="a.yaml")
    assert text == "a.yaml: chanel: unknown key (and 1 more)\nmend: remove it or correct its spelling"


@pytest.mark.parametrize("data", [None, [], "text", 3, True])
def test_a_scenario_is_a_mapping(data, refusal):
    assert refusal(validate, data, file="a.yaml").startswith("a.yaml: a scenario is a mapping")


def test_a_huge_value_makes_a_short_error(minimal, refusal):
    nested = ["x" * 1000] * 1000
    for _ in range(12):
        nested = [nested] * 10
    for value in (nested, 10**5000, {"k" * 10_000: 1}):
        assert "\nmend: " in refusal(validate, minimal | {"seed": value}, file="a.yaml")


def test_many_mistakes_are_counted(minimal, refusal):
    minimal["channel"]["snr_db"] = ["x"] * 20_000
    text = refusal(validate, minimal, file="a.yaml")
    assert text.startswith("a.yaml: channel.snr_db.0: 'x' is not allowed (and 19999 more)")


def test_data_that_holds_itself_is_refused(minimal, refusal):
    endless = []
    endless.append(endless)
    assert "systems.0" in refusal(validate, minimal | {"systems": endless}, file="a.yaml")
