"""The plan: pruning is exact, rounds are repeatable, tasks know everything that can change their rows."""

import pytest

from linksim.evaluation.points import lines
from linksim.evaluation.trials import precise_enough
from linksim.scenario.errors import InputError


def steep(point, snr_db):
    """Loss that jumps with the SNR: MCS i needs i/2 dB."""
    return 0.9 if snr_db < float(point.name.rpartition("/")[2]) / 2 else 0.1


def envelope(plan, results):
    return [
        (line.series.channel.snr_db, line.mcs, len(line.trials), sum(t.psnr_db for t in line.trials))
        for line in lines(plan, results)
        if line.mcs.startswith("envelope:")
    ]


def systems(decode):
    mcs = {"table": "pdsch-1", "indices": [4, 9, 14, 20], "decode": decode}
    return [{"type": "separated", "label": "BPG", "mcs": mcs}]


@pytest.mark.parametrize("chunk", [4, 1])
@pytest.mark.parametrize("trials", [1, 2, 5])
@pytest.mark.parametrize("loss", [steep, lambda *_: 0.0, lambda *_: 1.0, lambda *_: 0.5])
def test_pruning_never_changes_the_envelope(make_plan, play, trials, loss, chunk):
    stop = {"trials": trials}
    everything, needed = (
        make_plan(stop=stop, systems=systems(decode), chunk=chunk) for decode in ("all", "needed")
    )
    assert envelope(everything, play(everything, loss)[0]) == envelope(needed, play(needed, loss)[0])


def test_mcss_need_not_be_ordered_by_their_rate(make_plan, play):
    """IEEE 802.11ad: 16QAM at 13/16 carries more than 64QAM at 1/2, the next in the table."""
    spec = {"type": "separated", "label": "BPG"}
    for snr_db in (6, 30):
        plan, everything = (
            make_plan(
                channel={"model": "awgn", "snr_db": snr_db},
                systems=[spec | {"mcs": {"table": "wifi-ad", "decode": decode}}],
                stop={"trials": 2},
            )
            for decode in ("needed", "all")
        )

        def loss(point, snr_db):
            return 0.2 if point.mcs.spectral_efficiency < snr_db / 3 else 0.9

        assert envelope(plan, play(plan, loss)[0]) == envelope(everything, play(everything, loss)[0])


def test_pruning_saves_tasks(make_plan, play):
    plan = make_plan(channel={"model": "awgn", "snr_db": 20}, systems=systems("needed"))
    _, rounds = play(plan, lambda *_: 0.0)
    decoded = {task.point.name for tasks in rounds for task in tasks if task.channel is not None}
    assert decoded == {"pdsch-1/20"}


def test_an_mcs_is_given_up_once_its_lost_pictures_cannot_be_made_up_for(make_plan, play):
    """MCS 14 loses every picture: one of its six lost leaves it (5·34 + 10)/6 dB, four (2·34 + 4·10)/6 dB.

    MCS 9 delivers 29 dB throughout, which is more than MCS 14 can reach with two pictures lost.
    """
    plan = make_plan(
        channel={"model": "awgn", "snr_db": 6},
        systems=[{"type": "separated", "label": "BPG", "mcs": {"table": "pdsch-1", "indices": [9, 14]}}],
        chunk=1,
    )
    _, rounds = play(plan, lambda point, _: float(point.name == "pdsch-1/14"))
    decoded = [task for tasks in rounds for task in tasks if task.channel is not None]
    of_14 = {task.id for task in decoded if task.point.name == "pdsch-1/14"}
    assert 2 <= len(of_14) <= 3


def test_the_order_in_which_tasks_finish_changes_nothing(make_plan, play):
    stop = {"trials": 2, "max_trials": 16, "psnr_halfwidth_db": 2.0}
    results, rounds = play(make_plan(stop=stop), steep)
    backwards, again = {}, []
    for tasks in make_plan(stop=stop).rounds(backwards):
        again.append(tasks)
        backwards.update({task.id: results[task.id] for task in reversed(tasks)})
    assert again == rounds


def test_rounds_never_exceed_the_upper_bound(make_plan, play):
    plan = make_plan(stop={"trials": 2, "max_trials": 8, "min_block_errors": 10_000})
    results, _ = play(plan, steep)
    everything = {task.id for task in plan.all_tasks()}
    assert set(results) <= everything


def test_trials_grow_until_the_envelope_is_precise(make_plan, play):
    wanted = {"trials": 2, "max_trials": 64, "psnr_halfwidth_db": 1.0}
    plan = make_plan(stop=wanted, systems=systems("needed"))
    results, _ = play(plan, steep)
    found = [line for line in lines(plan, results) if line.mcs.startswith("envelope:")]
    assert all(precise_enough(list(line.trials), plan.scenario.stop) for line in found)
    assert any(len(line.trials) > 1 for line in found)


def test_envelope_is_chosen_on_the_first_half_and_reported_on_the_rest(make_plan, play):
    plan = make_plan(stop={"trials": 6}, systems=systems("all"))
    results, _ = play(plan, lambda *_: 0.5)
    (first, *_) = [line for line in lines(plan, results) if line.mcs.startswith("envelope:")]
    trials = plan.trials(first.series, results)

    def mean_db(point, part):
        return sum(t.psnr_db / t.pictures for t in trials.of(point)[part]) / 3

    best = max(first.series.points, key=lambda point: mean_db(point, slice(0, 3)))
    assert first.point == best
    assert sum(t.psnr_db / t.pictures for t in first.trials) / len(first.trials) == mean_db(best, slice(3, 6))


def test_ties_go_to_the_lowest_index(make_plan, play):
    plan = make_plan(systems=systems("all"))
    results, _ = play(plan, lambda *_: 1.0)
    assert {mcs for _, mcs, *_ in envelope(plan, results)} == {"envelope:pdsch-1/4"}


def test_systems_meet_the_same_channel(make_plan):
    both = [{"type": "separated", "label": name, "codec": {"name": name}} for name in ("bpg", "jpeg")]
    plan = make_plan(systems=both)
    seeds = {}
    for series in plan.series():
        for task in plan.tasks(series, series.points[0], 1):
            seeds.setdefault((series.channel, task.pictures), set()).add(task.seed)
    assert all(len(found) == 1 for found in seeds.values())
    assert len({seed for found in seeds.values() for seed in found}) == len(seeds)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 4},
        {"fallback": {"mean_colour": [1, 2, 3]}},
        {"link": {"power": "nominal"}},
        {"metrics": ["psnr", "ssim"]},
        {"bandwidth": {"cbr": "1/6"}},
        {"channel": {"model": "rayleigh_fast", "snr_db": [0, 6]}},
        {"chunk": 3},
        {"systems": systems("all")},
    ],
)
def test_task_id_knows_what_can_change_the_rows(make_plan, change):
    def random_tasks(plan):
        return {task.id for task in plan.all_tasks() if plan.cases[task.case].spec.type == "separated"}

    original, changed = random_tasks(make_plan()), random_tasks(make_plan(**change))
    if "chunk" in change or "seed" in change or "channel" in change:
        # Ceilings of equal chunks do not depend on the channel.
        original = {t.id for t in make_plan().all_tasks() if t.channel and t.point.modulation_order}
        changed = {t.id for t in make_plan(**change).all_tasks() if t.channel and t.point.modulation_order}
    assert not original & changed


def test_task_id_ignores_labels_and_restrictions(make_plan):
    renamed = systems("needed")
    renamed[0]["label"] = "another name"
    renamed[0]["mcs"]["indices"] = [9]
    wanted = {task.id for task in make_plan(systems=renamed).all_tasks()}
    assert wanted <= {task.id for task in make_plan().all_tasks()}


def test_a_fixed_mcs_counts_all_bit_errors_as_decode_all_does(make_plan):
    """An envelope that skips code blocks knows fewer; its rows must not stand for those of a fixed MCS."""

    def ids(mcs):
        plan = make_plan(systems=[{"type": "separated", "label": "BPG", "mcs": mcs}])
        return {task.id for task in plan.all_tasks() if task.channel is not None}

    fixed = ids({"policy": "fixed", "index": 9})
    assert fixed == ids({"indices": [9], "decode": "all"})
    assert not fixed & ids({"indices": [9]})


def test_chunks_hold_pictures_of_one_size(make_plan):
    plan = make_plan(images={"source": "photos"}, bandwidth={"cbr": "1/16"}, chunk=3)
    first = next(plan.series())
    chunks = [task.pictures for task in plan.tasks(first, first.points[0], 0)]
    # astronaut 512², chelsea, coffee, motorcycle, then three of 640×427.
    assert chunks == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 7)]


def test_mosaics_are_not_torn_apart(make_plan):
    spec = [{"type": "separated", "label": "BPG", "grouping": {"mosaic": 4}}]
    plan = make_plan(systems=spec, chunk=3)
    first = next(plan.series())
    assert [task.pictures for task in plan.tasks(first, first.points[0], 0)] == [(0, 4), (4, 6)]


def test_a_picture_without_a_channel_use_is_refused(make_plan):
    with pytest.raises(InputError, match=r"bandwidth\.cbr: 1/100000 leaves .* without a channel use"):
        make_plan(bandwidth={"cbr": "1/100000"})


def test_a_kept_picture_that_does_not_exist_is_refused(make_plan):
    with pytest.raises(InputError, match=r"pictures\.images: there is no picture 6"):
        make_plan(pictures={"images": [0, 6], "snr_db": 0})
