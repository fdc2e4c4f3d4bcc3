"""Runs on a Ray cluster of two nodes: the bytes of a local run, also when a node dies; clear refusals."""

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

SCENARIO = {
    "name": "small",
    "seed": 5,
    "images": {"source": "patches32", "limit": 12},
    "bandwidth": {"cbr": "1/3"},
    "channel": {"model": "awgn", "snr_db": {"from": 0, "to": 12, "step": 3}},
    "systems": [
        {"type": "separated", "label": "BPG", "mcs": {"indices": [4, 9, 14, 20], "decode": "all"}},
        {"type": "capacity_bound", "label": "bound"},
    ],
    "stop": {"trials": 2, "max_trials": 4, "psnr_halfwidth_db": 0.3},
    "chunk": 4,
    "pictures": {"images": [0], "snr_db": 6},
}

#: So many channel realisations of every block that sending takes longer than starting.
LONGER = {
    "images": {"source": "patches32", "limit": 64},
    "stop": {"trials": 60},
    "chunk": 32,
    "pictures": None,
}

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def command(scenario, out, *words):
    return [sys.executable, "-m", "linksim", "run", str(scenario), "--out", str(out), *words]


def run(*words, **options):
    return subprocess.run(command(*words), capture_output=True, text=True, timeout=300, **options)


def exports(folder):
    """The bytes that must not depend on where a run's tasks were carried out."""
    names = ["results.csv", "rows.csv", "scenario.yaml"]
    pictures = sorted(path.relative_to(folder) for path in Path(folder).glob("pictures/*"))
    return {str(name): (Path(folder) / name).read_bytes() for name in [*names, *pictures]}


def provenance(folder):
    return json.loads((folder / "provenance.json").read_text())["sessions"][-1]


def finished_tasks(folder):
    with sqlite3.connect(folder / "run.sqlite") as database:
        (count,) = database.execute("SELECT count(*) FROM tasks").fetchone()
    database.close()
    return count


def wait_for_tasks(folder, count, process):
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        if (folder / "run.sqlite").exists():
            try:
                if finished_tasks(folder) >= count:
                    return
            except sqlite3.Error:  # its tables are just being made
                pass
        time.sleep(0.05)
    pytest.fail(f"the run ended, or finished fewer than {count} tasks in 120 s: {process.communicate()}")


@pytest.fixture
def cluster(monkeypatch):
    """Two nodes of one CPU each on this machine, and the address of their head."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    made = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    made.second = made.add_node(num_cpus=1)
    yield made
    made.shutdown()


@pytest.fixture(scope="module")
def write(tmp_path_factory):
    """Writes the scenario with some fields replaced."""

    def write(**fields):
        path = tmp_path_factory.mktemp("scenario") / "small.yaml"
        data = {key: value for key, value in {**SCENARIO, **fields}.items() if value is not None}
        path.write_text(yaml.safe_dump(data))
        return path

    return write


@pytest.fixture(scope="module")
def scenario(write):
    return write()


@pytest.fixture(scope="module")
def local(scenario, tmp_path_factory):
    """The exports of a run in one process of this machine."""
    folder = tmp_path_factory.mktemp("local")
    assert run(scenario, folder, "--workers", "1").returncode == 0
    return exports(folder)


def test_two_nodes_give_the_bytes_of_one_process(cluster, scenario, local, tmp_path):
    done = run(scenario, tmp_path, "--ray", cluster.address)
    assert done.returncode == 0, done.stderr
    assert exports(tmp_path) == local
    session = provenance(tmp_path)
    assert session["workers"] == len(session["nodes"]) == 2


def test_a_node_killed_in_the_middle_changes_no_byte(cluster, scenario, local, tmp_path):
    process = subprocess.Popen(
        command(scenario, tmp_path, "--ray", cluster.address),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for_tasks(tmp_path, 40, process)
    cluster.remove_node(cluster.second, allow_graceful=False)
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "is lost; its task runs again elsewhere" in errors
    assert "state-dump" not in output + errors
    assert exports(tmp_path) == local


def test_a_killed_worker_is_replaced(cluster, scenario, local, tmp_path):
    process = subprocess.Popen(
        command(scenario, tmp_path, "--ray", cluster.address),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for_tasks(tmp_path, 10, process)
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    actors = [int(line.split()[0]) for line in listed.splitlines() if "ray::_Actor" in line]
    assert len(actors) == 2
    os.kill(actors[0], signal.SIGKILL)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert errors.count("is lost; its task runs again elsewhere") == 1
    assert exports(tmp_path) == local


def test_ctrl_c_exports_what_there_is_and_any_workers_go_on(cluster, scenario, local, tmp_path):
    process = subprocess.Popen(
        command(scenario, tmp_path, "--ray", cluster.address),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_for_tasks(tmp_path, 10, process)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "goes on from there" in output
    assert run(scenario, tmp_path, "--workers", "1").returncode == 0
    assert exports(tmp_path) == local


def test_a_node_with_other_sources_is_refused(cluster, scenario, tmp_path):
    import linksim

    other = tmp_path / "other"
    shutil.copytree(Path(linksim.__file__).parent, other / "linksim")
    with (other / "linksim" / "__init__.py").open("a") as file:
        file.write("# edited\n")
    # Elsewhere: Ray lets workers import from the folder of the driving process, where that is theirs too.
    environment = {**os.environ, "PYTHONPATH": str(other)}
    done = run(scenario, tmp_path / "run", "--ray", cluster.address, env=environment, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") <= 4  # with the line of the round
    assert "differs in package linksim's source" in done.stderr
    assert "mend: install the same environment on every node" in done.stderr


def test_a_node_without_linksim_is_refused(scenario, monkeypatch, tmp_path):
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    (tmp_path / "linksim").mkdir()
    (tmp_path / "linksim" / "__init__.py").write_text("raise ImportError('not here')")
    with monkeypatch.context() as patched:
        patched.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patched.setenv("PYTHONPATH", str(tmp_path))
        made = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    here = {**os.environ, "PYTHONPATH": str(ROOT)}
    (tmp_path / "elsewhere").mkdir()
    done = run(scenario, tmp_path / "run", "--ray", made.address, env=here, cwd=tmp_path / "elsewhere")
    made.shutdown()
    assert done.returncode == 2
    assert "linksim cannot be used on a node (ImportError: not here)" in done.stderr
    assert "mend: install the same environment on every node" in done.stderr


def test_addresses_without_a_cluster_are_refused(scenario, tmp_path):
    pytest.importorskip("ray")
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        began = time.monotonic()
        done = run(scenario, tmp_path, "--ray", f"127.0.0.1:{deaf.getsockname()[1]}")
    assert done.returncode == 2
    assert "no answer in 20 s" in done.stderr
    assert time.monotonic() - began < 40
    done = run(scenario, tmp_path, "--ray", "auto", env={**os.environ, "RAY_ADDRESS": ""})
    assert done.returncode == 2
    assert "Could not find any running Ray instance" in done.stderr
    assert done.stderr.count("\n") == 2


def test_how_a_cluster_scales(cluster, write, tmp_path, capsys):
    """The ratios of docs/cluster.md. They have no limit to pass: other work on the machine lowers them."""
    scenario, seconds, results = write(**LONGER), {}, []
    for words in ([], ["--ray", cluster.address]):
        for workers in ("1", "2"):
            out = tmp_path / f"{workers}{len(words)}"
            done = run(scenario, out, *words, "--workers", workers)
            assert done.returncode == 0, done.stderr
            seconds[bool(words), workers] = provenance(out)["wall_seconds"]
            results.append(exports(out))
    with capsys.disabled():
        for ray, where in ((False, "processes"), (True, "Ray, a node each")):
            one, two = seconds[ray, "1"], seconds[ray, "2"]
            print(f"\n{where}: 1 worker {one:.1f} s, 2 workers {two:.1f} s, ratio {one / two:.2f}", end="")
    assert all(result == results[0] for result in results)


def test_weights_beside_the_scenario_and_pictures_of_a_folder_reach_the_nodes(
    cluster, write, make_weights, training_photos, tmp_path
):
    make_weights(tmp_path / "tiny.weights.h5", "deepjscc-q", channels=[4, 4], symbols=8, order=16)
    learned = {"type": "learned", "label": "tiny", "weights": "tiny.weights.h5"}
    scenario = write(
        images={"source": "folder", "path": str(training_photos / "train")},
        bandwidth={"cbr": "1/6"},
        systems=[learned],
    )
    for out, words in (("here", ["--workers", "1"]), ("there", ["--ray", cluster.address])):
        done = run(scenario, out, *words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert exports(tmp_path / "here") == exports(tmp_path / "there")


@pytest.mark.parametrize("found", [{}, {"zoo:a/b": "1" * 64}], ids=["missing", "other"])
def test_a_node_with_other_weights_is_refused(found, refusal):
    module = pytest.importorskip("linksim.evaluation.ray_executor")
    text = refusal(module._compare, "n1", "weights", {"zoo:a/b": "0" * 64}, found, "copy them")
    assert text.startswith("--ray: node n1 differs in weights zoo:a/b: ")
