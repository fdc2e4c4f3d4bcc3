"""Learned systems of variable rate: what is sent, billed and shown, with a codec that holds no secrets."""

import math
from fractions import Fraction

import numpy as np
import pytest
from keras import ops

from linksim import systems, zoo
from linksim.images.picture import Picture
from linksim.jscc.codec import Condition, Sent
from linksim.jscc.rates import sent_mask
from linksim.modulation.capacity import bicm_capacity, ergodic, gaussian_capacity
from linksim.modulation.constellations import qam
from linksim.phy.channels import Medium
from linksim.phy.link import Link
from linksim.phy.modem import Modem
from linksim.scenario.channels import OFDM
from linksim.scenario.systems import LearnedSpec
from linksim.systems import learned, side_information
from linksim.systems.fallback import fallback_picture

RATES = (2, 4, 8, 16)
SIDE = 8  # px of a patch
SIZES = {
    "channels": [8, 8, 32], "depths": [1, 1, 1], "window": 4, "hyper": 4, "rates": list(RATES), "blocks": 1,
}  # fmt: skip


class PatchCodec:
    """Sends the first sample pairs of each patch of 8×8 px and shows them there; nothing is learned.

    A patch holds as many bits as its samples deviate from ½, times 4. Digital: a sample's first four bits are
    the label of a point of 16QAM.
    """

    stochastic, classes, rates = False, 0, RATES

    def __init__(self, digital=False, adapts=False):
        self.detects, self.adapts = digital, adapts
        self.constellations = (qam(4).astype(np.complex64),) if digital else ()

    def channel_uses(self, height, width):
        return height // SIDE * (width // SIDE) * RATES[-1]

    def self_information(self, images):
        return 4 * ops.sum(ops.abs(self._patches(images) - 0.5), axis=-1)

    def encode(self, images, condition):
        patches = self._patches(images)
        mask = self._mask(condition)
        if self.detects:
            labels = ops.cast(ops.round(255 * patches[..., : RATES[-1]]), "int32") // 16
            return Sent(
                indices=ops.reshape(labels, (-1, labels.shape[1] * RATES[-1])) * ops.cast(mask, "int32")
            )
        pairs = ops.reshape(patches[..., : 2 * RATES[-1]], (-1, patches.shape[1] * RATES[-1], 2))
        return Sent(symbols=(pairs + 0.1) * ops.cast(mask, "float32")[..., None])

    def decode(self, received, condition):
        """The received numbers of each patch, in its first samples."""
        count, wide = condition.rates.shape[1], 1 if self.detects else 2
        values = ops.cast(received, "float32") / 16 if self.detects else received - 0.1
        values = ops.reshape(values, (-1, count, RATES[-1] * wide))
        sent = ops.reshape(self._mask(condition), (-1, count, RATES[-1]))
        values = values * ops.cast(ops.repeat(sent, wide, axis=-1), "float32")
        values = ops.pad(values, ((0, 0), (0, 0), (0, 3 * SIDE**2 - values.shape[-1])))
        rows, columns = condition.height // SIDE, condition.width // SIDE
        tiles = ops.transpose(ops.reshape(values, (-1, rows, columns, SIDE, SIDE, 3)), (0, 1, 3, 2, 4, 5))
        return ops.reshape(tiles, (-1, condition.height, condition.width, 3))

    def _patches(self, images):
        _, height, width, _ = images.shape
        tiles = ops.reshape(images, (-1, height // SIDE, SIDE, width // SIDE, SIDE, 3))
        tiles = ops.transpose(tiles, (0, 1, 3, 2, 4, 5))
        return ops.reshape(tiles, (-1, height // SIDE * (width // SIDE), 3 * SIDE**2))

    def _mask(self, condition):
        uses = ops.take(ops.convert_to_tensor(RATES, "int32"), condition.rates)
        mask = ops.arange(RATES[-1], dtype="int32") < uses[..., None]
        return ops.reshape(mask, (-1, condition.rates.shape[1] * RATES[-1]))


class Spy:
    """A link that keeps what was sent over it and with which mask."""

    def __init__(self, link):
        self._link, self.medium, self.snr_db, self.sent = link, link.medium, link.snr_db, []

    def transmit(self, symbols, mask=None):
        self.sent.append((np.asarray(symbols), mask))
        return self._link.transmit(symbols, mask)


@pytest.fixture(scope="module")
def weights(make_weights, tmp_path_factory):
    """Paths of tiny weights of all kinds: `analogue`, `single` (16QAM) and `several` (4QAM, 16QAM, 64QAM)."""
    folder = tmp_path_factory.mktemp("variable")
    kinds = {
        "analogue": ("ntscc", {}),
        "single": ("mdjcm", {"orders": [4]}),
        "several": ("mdjcm", {"orders": [2, 4, 6]}),
    }
    return {
        kind: str(make_weights(folder / f"{kind}.weights.h5", model, **SIZES, **more))
        for kind, (model, more) in kinds.items()
    }


@pytest.fixture(scope="module")
def pictures():
    """Eight pictures of two sizes, from flat to full of noise: no two patches hold the same."""
    random = np.random.default_rng(3)
    shapes = [(64, 48, 3)] * 5 + [(40, 40, 3)] * 3
    spans = np.linspace(8, 127, len(shapes))
    return [
        Picture(str(number), np.clip(random.normal(128, span, shape), 0, 255).astype(np.uint8))
        for number, (shape, span) in enumerate(zip(shapes, spans))
    ]


@pytest.fixture
def system_of(monkeypatch, weights, pictures):
    """A system with a `PatchCodec` in the place of its network."""

    def make(codec=None, kind="analogue", pictures=pictures, **fields):
        codec = codec or PatchCodec()
        monkeypatch.setattr(zoo, "load", lambda weights: codec)
        return systems.create(spec(weights[kind], **fields), pictures=pictures)

    return make


def spec(weights, **fields):
    return LearnedSpec(type="learned", label="test", weights=weights, **fields)


def chunks(pictures):
    """All pictures as two batches of one size each."""
    return [np.stack([picture.pixels for picture in part]) for part in (pictures[:5], pictures[5:])]


def sent_of(system, pictures, link, cbr=Fraction(1, 20)):
    """Receptions and CBRs of all pictures."""
    (point,) = system.operating_points(cbr, link.snr_db)
    receptions = [system.transmit(images, link, point, seed=1) for images in chunks(pictures)]
    uses = np.concatenate([reception.channel_uses for reception in receptions])
    return receptions, uses / [picture.size for picture in pictures]


@pytest.mark.parametrize("kind", ["capacity", "coded", "free"])
@pytest.mark.parametrize("cbr", [Fraction(1, 24), Fraction(1, 16)])
def test_the_mean_cbr_of_all_pictures_is_the_target(kind, cbr, system_of, pictures):
    _, cbrs = sent_of(system_of(side_information=kind), pictures, Link("awgn", 15.0), cbr)
    assert abs(cbrs.mean() / cbr - 1) < 0.01
    assert cbrs.max() > 1.2 * cbrs.min()  # pictures that hold more get more


def test_a_single_picture_gets_the_target(system_of, pictures):
    system = system_of(pictures=pictures[:1])
    (point,) = system.operating_points(Fraction(1, 20), 15.0)
    reception = system.transmit(pictures[0].pixels[None], Link("awgn", 15.0), point, seed=1)
    assert abs(reception.channel_uses[0] / pictures[0].size * 20 - 1) < 0.02


@pytest.mark.parametrize("digital", [False, True])
def test_symbols_billed_are_symbols_sent(digital, system_of, pictures):
    """Rows hold each picture's symbols without holes, zeros beyond them, and the mask counts as many."""
    system = system_of(PatchCodec(digital), "single" if digital else "analogue", side_information="free")
    spy = Spy(Link("awgn", 60.0))
    receptions, _ = sent_of(system, pictures, spy)
    for (symbols, mask), reception in zip(spy.sent, receptions):
        assert mask.sum(axis=1).tolist() == reception.channel_uses.tolist()
        assert (mask == (np.cumsum(mask, axis=1) == np.arange(1, mask.shape[1] + 1))).all()
        assert mask.shape[1] == reception.channel_uses.max()
        assert not symbols[~mask].any()
        assert (symbols[mask] != 0).all()
        energy = np.where(mask, np.square(np.abs(symbols)), 0)
        np.testing.assert_allclose(reception.power, energy.sum(axis=1) / mask.sum(axis=1), rtol=1e-5)
        np.testing.assert_allclose(reception.peak_power, energy.max(axis=1), rtol=1e-5)
        assert reception.symbols.tolist() == (mask.sum(axis=1) if digital else np.zeros(len(mask))).tolist()
        assert not reception.symbol_errors.any()


def test_symbol_errors_are_counted_among_what_is_sent(system_of, pictures):
    system = system_of(PatchCodec(digital=True), "single", side_information="free")
    receptions, _ = sent_of(system, pictures, Link("awgn", -60.0))
    for reception in receptions:
        share = reception.symbol_errors / reception.symbols
        assert ((share > 0.75) & (share <= 1)).all()  # 15 of 16 guesses are wrong


@pytest.mark.parametrize("digital", [False, True])
def test_what_is_packed_is_decoded_as_if_it_were_not(digital, system_of, pictures):
    """At 90 dB the receiver shows what the codec decodes from what it encodes, at the rates of the bill."""
    codec = PatchCodec(digital)
    system = system_of(codec, "single" if digital else "analogue", side_information="free")
    receptions, _ = sent_of(system, pictures, Link("awgn", 90.0))
    for images, reception in zip(chunks(pictures), receptions):
        (bandwidth,) = system._bandwidths.values()
        maps = bandwidth.maps(images, Fraction(1, 20), "free", Link("awgn", 90.0))
        assert sent_mask(maps, RATES).sum(axis=1).tolist() == reception.channel_uses.tolist()
        condition = Condition(*images.shape[1:3], 90.0, 0, maps)
        whole = codec.encode(np.float32(images) / 255, condition).content
        shown = np.clip(255 * np.asarray(codec.decode(whole, condition)), 0, 255)
        assert np.abs(shown - reception.pictures).max() < 0.51
        assert shown.std() > 5


def test_what_is_sent_does_not_depend_on_chunks_or_history(system_of, pictures):
    def last(before):
        system = system_of()
        (point,) = system.operating_points(Fraction(1, 20), 10.0)
        for images in before:
            system.transmit(images, Link("awgn", 10.0), point, seed=4)
        return system.transmit(chunks(pictures)[1], Link("awgn", 10.0), point, seed=3)

    alone, after = last([]), last(chunks(pictures))
    np.testing.assert_array_equal(alone.pictures, after.pictures)
    np.testing.assert_array_equal(alone.channel_uses, after.channel_uses)


def test_the_division_into_batches_changes_nothing(system_of, pictures, monkeypatch):
    together, _ = sent_of(system_of(), pictures, Link("awgn", 10.0))
    monkeypatch.setattr("linksim.systems.network._BATCH_SAMPLES", 1)
    apart, _ = sent_of(system_of(), pictures, Link("awgn", 10.0))
    for one, other in zip(together, apart):
        np.testing.assert_array_equal(one.pictures, other.pictures)


@pytest.mark.parametrize(("adapts", "times"), [(False, 1), (True, 3)])
def test_what_was_sent_is_remembered_by_the_snr_where_the_encoder_adapts(
    adapts, times, system_of, pictures, monkeypatch
):
    system, encoded = system_of(PatchCodec(adapts=adapts), side_information="free"), []
    encode = learned.Network.encode
    monkeypatch.setattr(learned.Network, "encode", lambda *given: (encoded.append(given), encode(*given))[1])
    for snr_db in (0.0, 5.0, 10.0, 5.0):
        sent_of(system, pictures, Link("awgn", snr_db))
    assert len(encoded) == 2 * times


def test_the_self_information_is_computed_once(system_of, pictures, monkeypatch):
    system = system_of()
    sent_of(system, pictures, Link("awgn", 5.0))
    monkeypatch.setattr(learned.Network, "self_information", lambda *_: pytest.fail("computed again"))
    sent_of(system, pictures, Link("rayleigh_fast", 15.0), Fraction(1, 24))


@pytest.mark.parametrize("model", ["awgn", "rayleigh_block", "rayleigh_fast"])
def test_side_information_is_billed_by_its_kind(model, system_of, pictures):
    """Two bits for each patch: 48 patches of 64×48 px and 25 of 40×40 px."""
    link, bills = Link(model, 12.0), {}
    for kind in ("capacity", "coded", "free"):
        spy = Spy(link)
        receptions, _ = sent_of(system_of(side_information=kind), pictures, spy)
        bill = np.concatenate([reception.channel_uses for reception in receptions])
        symbols = [mask.sum(axis=1) for _, mask in spy.sent if mask is not None]
        bills[kind] = bill - np.concatenate(symbols)
        assert len(spy.sent) == (4 if kind == "coded" else 2)
    capacity = gaussian_capacity(12.0) if model == "awgn" else ergodic(gaussian_capacity, 12.0)
    expected = [math.ceil(2 * patches / capacity) for patches in (48, 25)]
    assert bills["capacity"].tolist() == [expected[0]] * 5 + [expected[1]] * 3
    assert not bills["free"].any()
    uses = [side_information.transport(2 * patches, Medium(model), 12.0)[0] for patches in (48, 25)]
    assert bills["coded"].tolist() == [uses[0]] * 5 + [uses[1]] * 3


@pytest.mark.parametrize("antennas", [1, 2])
def test_side_information_on_ofdm_meets_its_ergodic_capacity(antennas):
    """Every element of TDL-A is Rayleigh fading; the gains of two antennas add up to Gamma(2)."""
    bits, snr_db = 100_000, 10.0
    medium = Medium("ofdm", ofdm=OFDM(rx_antennas=antennas))
    nodes, weights = np.polynomial.laguerre.laggauss(64)
    capacity = weights @ (nodes ** (antennas - 1) * np.log2(1 + nodes * 10 ** (snr_db / 10)))
    assert side_information.uses("capacity", bits, medium, snr_db) == pytest.approx(bits / capacity, rel=0.02)


def test_side_information_pays_for_estimated_gains_and_knows_a_line_of_sight():
    def uses(csi="perfect", **parameters):
        medium = Medium("ofdm", csi, ofdm=OFDM(fft_size=64, cyclic_prefix=18, **parameters))
        return [side_information.uses(kind, 3000, medium, 10.0) for kind in ("capacity", "coded")]

    rayleigh, estimated, line_of_sight = uses(), uses("ls"), uses(profile="tdl-d")
    assert line_of_sight[0] < rayleigh[0] < estimated[0]
    assert line_of_sight[1] <= rayleigh[1] <= estimated[1]
    assert line_of_sight[0] > 3000 / gaussian_capacity(10.0)  # Jensen


def test_coded_side_information_is_sent_after_the_picture(system_of, pictures):
    """The picture's symbols meet the noise that they meet without it, and what is billed is sent."""
    spy = Spy(Link("awgn", 12.0))
    receptions, _ = sent_of(system_of(side_information="coded"), pictures, spy)
    for number, reception in enumerate(receptions):
        (_, mask), (block, _) = spy.sent[2 * number : 2 * number + 2]
        assert (mask.sum(axis=1) + block.shape[1]).tolist() == reception.channel_uses.tolist()
        assert set(reception.outcomes) == {"delivered"}


def test_lost_side_information_shows_the_fallback(system_of, pictures):
    system = system_of(side_information="coded")
    receptions, _ = sent_of(system, pictures, Link("awgn", -25.0), Fraction(1, 12))
    for images, reception in zip(chunks(pictures), receptions):
        assert set(reception.outcomes) == {"channel_outage"}
        assert (reception.pictures == fallback_picture(images.shape[1:])).all()


@pytest.mark.parametrize("bits", [8, 24, 50, 333, 6144])
def test_transport_blocks_of_side_information_carry_it_and_are_safe(bits):
    for snr_db in (0.0, 10.0, 25.0):
        uses, mcs = side_information.transport(bits, Medium("awgn"), snr_db)
        assert Modem(uses, mcs).payload >= bits
        rate = (Modem(uses, mcs).payload + 24) / uses
        assert rate < bicm_capacity(mcs.modulation_order, snr_db - 3)
    assert side_information.transport(bits, Medium("awgn"), -20.0)[1].name == "pdsch-1/0"


def test_rate_maps_become_bits():
    maps = np.array([[0, 3, 2], [1, 0, 3]], np.int32)
    bits = side_information.map_as_bits(maps, RATES)
    assert bits.tolist() == [[0, 0, 1, 1, 1, 0], [0, 1, 0, 0, 1, 1]]
    assert side_information.map_bits(range(16), 10) == 40
    assert side_information.map_bits((4,), 10) == 0


def test_targets_that_no_rates_reach_are_refused_when_planned(weights, pictures, refusal):
    """A patch of 192 samples gets 2 to 16 uses: CBRs from 1/96 to 1/12."""
    system = systems.create(spec(weights["analogue"]), pictures=pictures)
    for cbr in (Fraction(1, 96), Fraction(1, 12)):
        assert system.operating_points(cbr, 10.0)[0].cbr == cbr
    for cbr in (Fraction(1, 97), Fraction(1, 11)):
        text = refusal(system.operating_points, cbr, 10.0)
        assert text.startswith("weights: ")
        assert f"a mean CBR of 0.01042 to 0.08333, not {cbr}" in text


def test_targets_that_the_pictures_do_not_allow_are_refused(system_of, refusal):
    """Patches that all hold the same change their rate together: 2, 4, 8 or 16 uses."""
    flat = [Picture("flat", np.full((64, 64, 3), 100, np.uint8))]
    system = system_of(pictures=flat, side_information="free")
    (point,) = system.operating_points(Fraction(1, 20), 10.0)
    text = refusal(system.transmit, flat[0].pixels[None], Link("awgn", 10.0), point, 1)
    assert text.startswith("bandwidth.cbr: ")
    assert "0.04167" in text
    (point,) = system.operating_points(Fraction(1, 24), 10.0)
    assert system.transmit(flat[0].pixels[None], Link("awgn", 10.0), point, 1).channel_uses.tolist() == [512]


@pytest.mark.parametrize(
    ("kind", "fields", "message"),
    [
        ("several", {}, "order: missing: {} serves 2, 4, 6 bits per symbol"),
        ("several", {"order": 8}, "order: {} serves 2, 4, 6 bits per symbol, not 8"),
        ("analogue", {"order": 2}, "order: {} sends analogue symbols, not 2"),
        ("single", {"order": 2}, "order: {} serves 4 bits per symbol, not 2"),
        ("single", {"target_ser": 0.1}, "target_ser: {} serves 4 bits per symbol and has no boundaries"),
    ],
    ids=str,
)
def test_orders_that_the_weights_do_not_serve_are_refused(kind, fields, message, weights, pictures, refusal):
    system = systems.create(spec(weights[kind], **fields), pictures=pictures)
    assert refusal(system.operating_points, Fraction(1, 20), 10.0).startswith(message.format(weights[kind]))


def test_the_order_is_chosen_and_named(weights, pictures):
    for order in (2, 4, 6):
        system = systems.create(spec(weights["several"], order=order), pictures=pictures)
        (point,) = system.operating_points(Fraction(1, 20), 10.0)
        assert point.modulation_order == order
        assert point.name.endswith(f"several/{order}")
    (point,) = systems.create(spec(weights["single"]), pictures=pictures).operating_points(
        Fraction(1, 20), 0.0
    )
    assert (point.modulation_order, point.order) == (4, 0)


def test_an_order_may_be_fixed_for_ujscc(make_weights, tmp_path, refusal):
    sizes = {
        "channels": [4, 4, 4],
        "strides": [1, 2, 2],
        "vectors": 8,
        "orders": [1, 2, 4],
        "dimensions": [2, 3, 4],
    }
    path = str(make_weights(tmp_path / "a.weights.h5", "ujscc", **sizes))
    system = systems.create(spec(path, order=4))
    assert [system.operating_points(Fraction(1, 6), snr_db)[0].order for snr_db in (-10.0, 30.0)] == [2, 2]
    text = refusal(systems.create(spec(path, order=6)).operating_points, Fraction(1, 6), 0.0)
    assert text.startswith(f"order: {path} serves 1, 2, 4 bits per symbol, not 6")


def test_side_information_belongs_to_variable_rates(tiny_weights, refusal):
    system = systems.create(spec(str(tiny_weights), side_information="free"))
    text = refusal(system.operating_points, Fraction(1, 6), 0.0)
    assert text.startswith(f"side_information: {tiny_weights} sends at a fixed rate")


def test_source_coders_send_nothing(make_weights, tmp_path, refusal):
    sizes = {name: SIZES[name] for name in ("channels", "depths", "window", "hyper")}
    path = str(make_weights(tmp_path / "a.weights.h5", "source-coder", **sizes))
    text = refusal(systems.create(spec(path)).operating_points, Fraction(1, 6), 0.0)
    assert text.startswith(f"weights: {path} codes pictures and sends none")
