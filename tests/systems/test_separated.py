"""The separate chain on small pictures: outcomes, delivered pictures, mosaics, counts and chance."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from linksim import codecs, systems
from linksim.codecs.cache import FileCache
from linksim.codecs.mosaic import tile, untile
from linksim.codecs.rate_search import RateSearch
from linksim.metrics.psnr import psnr_db
from linksim.phy.link import Link
from linksim.phy.modem import Modem
from linksim.scenario.systems import SeparatedSpec
from linksim.systems.base import CHANNEL_OUTAGE, CODEC_INFEASIBLE, DELIVERED
from linksim.systems.fallback import GREY
from linksim.systems.source import file_bits

CBR = Fraction(1, 12)
CLEAN, HOPELESS = Link("awgn", 40.0), Link("awgn", -20.0)


def chain(*indices, table="pdsch-1", mosaic=None, fallback=GREY, cache=None, **mcs):
    """A separate chain with BPG and few iterations, and its operating points."""
    spec = SeparatedSpec(
        type="separated",
        label="test",
        code={"iterations": 8},
        mcs={"table": table, "indices": indices, **mcs},
        grouping=mosaic and {"mosaic": mosaic},
    )
    system = systems.create(spec, cache, fallback)
    return system, system.operating_points(CBR, 0.0)


def best_decoded(images, budget_bytes):
    """What BPG shows of each picture in a budget, None where nothing fits."""
    codec = codecs.create(SeparatedSpec(type="separated", label="test").codec)
    search = RateSearch(codec, FileCache(memory_only=True))
    files = [search.best(image, budget_bytes) for image in images]
    return [None if file is None else codec.decode(file.data) for file in files]


def psnrs(images, pictures):
    return np.array([psnr_db(image, picture) for image, picture in zip(images, pictures)])


def test_a_clean_channel_delivers_the_best_file_that_fits(small_pictures):
    """256 uses of 64QAM at 0.5537: 850.5 bits give A = 848 (table of the standard), 106 bytes."""
    images = small_pictures[:3]
    system, (point,) = chain(20)
    reception = system.transmit(images, CLEAN, point, seed=1)
    assert reception.outcomes == (DELIVERED,) * 3
    np.testing.assert_array_equal(reception.pictures, best_decoded(images, 106))
    assert reception.bits.tolist() == [848] * 3
    assert reception.bit_errors.tolist() == reception.symbol_errors.tolist() == [0] * 3
    assert reception.symbols.tolist() == reception.channel_uses.tolist() == [256] * 3
    assert reception.outage_probability.tolist() == [0] * 3


def test_a_hopeless_channel_is_an_outage_and_shows_the_fallback(small_pictures):
    system, (point,) = chain(14, fallback=(10, 20, 30))
    reception = system.transmit(small_pictures[:2], HOPELESS, point, seed=1)
    assert reception.outcomes == (CHANNEL_OUTAGE,) * 2
    assert np.unique(reception.pictures.reshape(-1, 3), axis=0).tolist() == [[10, 20, 30]]
    assert (reception.bit_errors > 0.1 * reception.bits).all()
    # At −20 dB hardly a symbol of 16QAM is right: 1/16 by chance.
    assert (reception.symbol_errors > 200).all()
    assert (reception.power > 0).all()


def test_too_few_bytes_are_infeasible_and_nothing_is_sent(small_pictures):
    """pdsch-1/4 carries 154 bits in 256 uses; no BPG file of a photograph has 19 bytes."""
    system, (point,) = chain(4)
    reception = system.transmit(small_pictures[:2], CLEAN, point, seed=1)
    assert reception.outcomes == (CODEC_INFEASIBLE,) * 2
    assert (reception.pictures == 128).all()
    assert reception.channel_uses.tolist() == [256] * 2
    assert reception.symbols.tolist() == reception.bits.tolist() == [0] * 2
    assert np.isnan(reception.power).all()
    assert np.isnan(reception.peak_power).all()


def test_an_mcs_that_cannot_be_decoded_is_infeasible(small_pictures):
    """64 uses of pdsch-1/28 with the CRC exceed code rate 0.95."""
    spec = SeparatedSpec(type="separated", label="test", mcs={"policy": "fixed", "index": 28})
    system = systems.create(spec)
    (point,) = system.operating_points(Fraction(1, 48), 0.0)
    reception = system.transmit(small_pictures[:1], CLEAN, point, seed=1)
    assert reception.outcomes == (CODEC_INFEASIBLE,)


def test_codewords_of_fixed_length_deliver_the_best_file_that_fits(small_pictures):
    """256 uses of 64QAM: 1536 bits hold 2 codewords of 504 bits, 32 of them CRC, so 122 bytes."""
    images = small_pictures[:3]
    system, (point,) = chain(14, table="wifi-ad")
    assert (point.modulation_order, point.code_rate) == (6, Fraction(3, 4))
    reception = system.transmit(images, CLEAN, point, seed=1)
    assert reception.outcomes == (DELIVERED,) * 3
    np.testing.assert_array_equal(reception.pictures, best_decoded(images, 122))
    assert reception.bits.tolist() == [976] * 3
    assert reception.bit_errors.tolist() == [0] * 3
    lost = system.transmit(images, HOPELESS, point, seed=1)
    assert lost.outcomes == (CHANNEL_OUTAGE,) * 3
    assert (lost.bit_errors > 0.1 * lost.bits).all()


def test_idle_channel_uses_are_billed_but_not_sent(small_pictures):
    """Two codewords of 672 bits are 224 symbols of 64QAM; 32 of the 256 uses stay idle."""
    system, (point,) = chain(14, table="wifi-ad")
    reception = system.transmit(small_pictures[:2], CLEAN, point, seed=1)
    assert reception.channel_uses.tolist() == [256] * 2
    assert reception.symbols.tolist() == [224] * 2


def test_less_than_a_codeword_is_infeasible(small_pictures):
    """256 uses of BPSK hold no codeword of 672 bits."""
    system, (point,) = chain(0, table="wifi-ad")
    for reception in (
        system.ceiling(small_pictures[:2], point),
        system.transmit(small_pictures[:2], CLEAN, point, seed=1),
    ):
        assert reception.outcomes == (CODEC_INFEASIBLE,) * 2
        assert reception.channel_uses.tolist() == [256] * 2
        assert reception.symbols.tolist() == [0] * 2


def test_pictures_that_fit_and_pictures_that_do_not_share_a_batch(small_pictures):
    """A flat picture needs fewer bytes than a photograph."""
    flat = np.full((1, 32, 32, 3), 90, np.uint8)
    images = np.concatenate([small_pictures[:1], flat, small_pictures[1:2]])
    system, points = chain(*range(29))
    ceilings = {point: system.ceiling(images, point).outcomes for point in points}
    point, outcomes = next(item for item in ceilings.items() if len(set(item[1])) == 2)
    reception = system.transmit(images, CLEAN, point, seed=1)
    assert reception.outcomes == outcomes == (CODEC_INFEASIBLE, DELIVERED, CODEC_INFEASIBLE)
    assert (reception.pictures[[0, 2]] == 128).all()
    assert np.isnan(reception.power).tolist() == [True, False, True]
    assert reception.symbols.tolist() == [0, 256, 0]


def test_grey_pictures(small_pictures):
    """1024 samples have 85 uses: 85·6·567/1024 = 282 bits, in steps of 8 280, next entry 288, 36 bytes."""
    images = small_pictures[1:3, :, :, 1:2]
    system, (point,) = chain(20, fallback=(200, 100, 50))
    lost = system.transmit(images, HOPELESS, point, seed=1)
    assert lost.pictures.shape == images.shape
    assert np.unique(lost.pictures).tolist() == [124]
    shown = system.transmit(images, CLEAN, point, seed=1)
    assert shown.outcomes == (DELIVERED,) * 2
    assert shown.symbols.tolist() == [85] * 2
    np.testing.assert_array_equal(shown.pictures, best_decoded(images, 36))


def test_a_mosaic_is_coded_as_one_picture_and_shares_its_outcome(small_pictures):
    """Ten pictures in fours: two full mosaics of 1024 uses and one of two pictures with 512."""
    system, (point,) = chain(5, mosaic=4)
    reception = system.transmit(small_pictures, CLEAN, point, seed=1)
    assert reception.outcomes == (DELIVERED,) * 10
    assert reception.channel_uses.tolist() == [256] * 10
    assert reception.symbols.tolist() == [1024, 0, 0, 0, 1024, 0, 0, 0, 512, 0]
    # 1024·2·379/1024 = 758 bits, in steps of 8 752, next entry 768; with 512 uses 379, 376 and 384.
    assert reception.bits.tolist() == [768, 0, 0, 0, 768, 0, 0, 0, 384, 0]
    expected = []
    for group, budget in ((small_pictures[:4], 96), (small_pictures[4:8], 96), (small_pictures[8:], 48)):
        (canvas,) = best_decoded([tile(group)], budget)
        expected.append(untile(canvas, *group.shape[:3]))
    np.testing.assert_array_equal(reception.pictures, np.concatenate(expected))


def test_mosaics_are_lost_together(small_pictures):
    """On a block fading channel near the threshold some mosaics arrive whole and the others not at all."""
    images = np.concatenate([small_pictures] * 4)
    system, (point,) = chain(5, mosaic=4)
    reception = system.transmit(images, Link("rayleigh_block", 0.0), point, seed=1)
    by_mosaic = np.reshape(reception.outcomes, (10, 4))
    assert (by_mosaic == by_mosaic[:, :1]).all()
    assert {DELIVERED, CHANNEL_OUTAGE} == set(reception.outcomes)


@pytest.mark.parametrize("mosaic", [None, 4])
def test_no_transmission_beats_the_ceiling(small_pictures, mosaic):
    system, points = chain(8, 20, mosaic=mosaic)
    for point in points:
        ceiling = system.ceiling(small_pictures, point)
        bound = psnrs(small_pictures, ceiling.pictures)
        assert ceiling.channel_uses.tolist() == [256] * 10
        for snr_db in (-5.0, 4.0, 12.0, 40.0):
            for model in ("awgn", "rayleigh_block"):
                received = system.transmit(small_pictures, Link(model, snr_db), point, seed=3)
                assert (psnrs(small_pictures, received.pictures) <= bound).all()


def test_the_ceiling_is_reached_on_a_clean_channel_or_by_the_fallback(small_pictures):
    system, (point,) = chain(20)
    images = np.concatenate([small_pictures[:3], np.full((1, 32, 32, 3), 128, np.uint8)])
    ceiling = system.ceiling(images, point)
    received = system.transmit(images, CLEAN, point, seed=1)
    np.testing.assert_array_equal(ceiling.pictures[:3], received.pictures[:3])
    assert psnr_db(images[3], ceiling.pictures[3]) == 100.0  # the grey fallback is this very picture


def test_the_same_seed_gives_the_same_reception(small_pictures):
    system, (point,) = chain(16)
    link = Link("rayleigh_block", 14.0)
    first, again, other = (system.transmit(small_pictures, link, point, seed) for seed in (5, 5, 6))
    for field in ("pictures", "power", "bit_errors", "symbol_errors"):
        np.testing.assert_array_equal(getattr(first, field), getattr(again, field))
    assert first.outcomes == again.outcomes
    assert (first.symbol_errors != other.symbol_errors).any()


def test_symbol_and_bit_errors_are_counted(small_pictures):
    """Uncoded 16QAM at 10 dB: the symbol error rate of 2560 symbols within four standard errors."""
    from linksim.modulation.error_rates import ser_awgn

    system, (point,) = chain(16)
    reception = system.transmit(small_pictures, Link("awgn", 10.0), point, seed=2)
    symbols, expected = reception.symbols.sum(), float(ser_awgn(4, 10.0))
    assert symbols == 2560
    assert abs(reception.symbol_errors.sum() / symbols - expected) < 4 * np.sqrt(expected / symbols)
    lost = np.array(reception.outcomes) == CHANNEL_OUTAGE
    assert (reception.bit_errors[~lost] == 0).all()


def pass_by_chance(monkeypatch, replacement):
    """Let every CRC pass over these payload bits instead of those that arrived."""
    original = Modem.transmit

    def transmit(self, payload, link, **options):
        return replace(
            original(self, payload, link, **options),
            bits=np.stack([file_bits(replacement, self.payload)] * len(payload)),
            passed=np.ones(len(payload), bool),
        )

    monkeypatch.setattr(Modem, "transmit", transmit)


def test_wrong_bytes_that_the_decoder_shows_are_delivered(small_pictures, monkeypatch, length_codec):
    """A = 848 bits hold a file of 106 bytes; 106 times 77 arrives and means grey 77."""
    system, (point,) = chain(20)
    pass_by_chance(monkeypatch, bytes([77]) * 106)
    reception = system.transmit(small_pictures[:2], CLEAN, point, seed=1)
    assert reception.outcomes == (DELIVERED,) * 2
    assert np.unique(reception.pictures).tolist() == [77]
    assert (reception.bit_errors > 0).all()


def test_wrong_bytes_that_the_decoder_refuses_are_an_outage(small_pictures, monkeypatch, length_codec):
    system, (point,) = chain(20)
    pass_by_chance(monkeypatch, bytes(range(106)))
    reception = system.transmit(small_pictures[:2], CLEAN, point, seed=1)
    assert reception.outcomes == (CHANNEL_OUTAGE,) * 2
    assert np.unique(reception.pictures).tolist() == [128]


def test_wrong_bytes_of_a_picture_of_another_size_are_an_outage(small_pictures, monkeypatch, length_codec):
    system, (point,) = chain(20)
    pass_by_chance(monkeypatch, bytes([77]) * 106)
    monkeypatch.setattr(type(length_codec), "decode", lambda self, data: np.zeros((16, 16, 3), np.uint8))
    reception = system.transmit(small_pictures[:1], CLEAN, point, seed=1)
    assert reception.outcomes == (CHANNEL_OUTAGE,)
    assert np.unique(reception.pictures).tolist() == [128]


@pytest.mark.parametrize("codec", ["bpg", "jpeg2000"])
def test_random_bytes_never_crash_a_real_decoder(small_pictures, monkeypatch, codec):
    spec = SeparatedSpec(type="separated", label="test", codec={"name": codec}, mcs={"indices": (28,)})
    system = systems.create(spec)
    (point,) = system.operating_points(Fraction(1, 4), 0.0)
    pass_by_chance(monkeypatch, np.random.default_rng(1).bytes(400))
    reception = system.transmit(small_pictures[:2], CLEAN, point, seed=1)
    assert set(reception.outcomes) <= {DELIVERED, CHANNEL_OUTAGE}
    assert reception.pictures.shape == (2, 32, 32, 3)


def test_operating_points_are_the_mcs_of_the_table_in_order():
    system, points = chain(16, 3)
    assert [point.name for point in points] == ["pdsch-1/3", "pdsch-1/16"]
    assert [point.code_rate for point in points] == [Fraction(251, 1024), Fraction(658, 1024)]
    assert [point.modulation_order for point in points] == [2, 4]
    assert (system.random(Link("awgn", 0.0)), system.prunes) == (True, True)


def test_decode_all_and_fixed_do_not_prune():
    assert not chain(3, decode="all")[0].prunes
    spec = SeparatedSpec(type="separated", label="test", mcs={"policy": "fixed", "index": 3})
    assert not systems.create(spec).prunes


def test_files_are_remembered_in_the_cache_that_was_given(small_pictures, length_codec):
    cache = FileCache(memory_only=True)
    system, (point,) = chain(20, cache=cache)
    system.ceiling(small_pictures[:1], point)
    length_codec.encode = None  # asking again would fail
    chain(20, cache=cache)[0].ceiling(small_pictures[:1], point)
