"""The schedule: kin go to one worker, workers keep apart, and what a lost worker had waits again."""

from dataclasses import dataclass

import pytest

from linksim.evaluation.schedule import Schedule


@dataclass(frozen=True)
class Job:
    """A task of a family."""

    name: str

    @property
    def kinship(self):
        return self.name[0]


def jobs(names):
    return [Job(name) for name in names.split()]


def names(*taken):
    return [job and job.name for job in taken]


def test_kin_go_to_one_worker_and_workers_start_at_both_ends():
    schedule = Schedule(jobs("a1 a2 b1 b2 c1 c2"))
    assert names(schedule.take("x"), schedule.take("y")) == ["a1", "c1"]
    schedule.finish("x")
    assert names(schedule.take("x")) == ["a2"]
    schedule.finish("x")
    assert names(schedule.take("x")) == ["b1"]


def test_nobody_is_idle_while_something_waits():
    schedule = Schedule(jobs("a1 a2 a3"))
    assert names(*(schedule.take(worker) for worker in "xyzw")) == ["a1", "a2", "a3", None]
    for worker in "xyz":
        assert not schedule.finished
        schedule.finish(worker)
    assert schedule.finished


def test_a_lost_task_waits_again_before_its_kin():
    schedule = Schedule(jobs("a1 a2 a3"))
    schedule.take("x")
    assert schedule.lose("x").name == "a1"
    assert names(schedule.take("y")) == ["a1"]
    schedule.finish("y")
    assert names(schedule.take("y")) == ["a2"]


@pytest.mark.parametrize("lost", ["a1", "b1"])
def test_the_last_of_a_family_can_be_lost(lost):
    schedule = Schedule(jobs(lost))
    schedule.take("x")
    schedule.lose("x")
    assert not schedule.finished
    assert names(schedule.take("y")) == [lost]


def test_a_worker_without_a_task_loses_none():
    assert Schedule(jobs("a1")).lose("x") is None
