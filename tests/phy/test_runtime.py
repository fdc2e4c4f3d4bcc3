"""Loading TensorFlow and Sionna: silent, with fixed threads, and honest when it fails."""

import os
import subprocess
import sys

LOUD = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}


def run(code, **environment):
    """Run Python code in a process of its own, with TensorFlow's log level as users have it."""
    return subprocess.run(
        [sys.executable, "-c", code], env=LOUD | environment, capture_output=True, text=True, timeout=120
    )


def test_importing_the_physical_layer_prints_nothing_and_fixes_the_threads():
    done = run(
        "import linksim.phy, sys; import tensorflow as tf;"
        "sys.exit(tf.config.threading.get_intra_op_parallelism_threads() != 1"
        " or tf.config.threading.get_inter_op_parallelism_threads() != 1)"
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_a_program_that_already_started_tensorflow_keeps_its_threads():
    done = run("import tensorflow as tf; tf.zeros(1); import linksim.phy; print('loaded')")
    assert done.stdout == "loaded\n", done.stderr


def test_messages_are_shown_when_the_import_fails(tmp_path):
    package = tmp_path / "sionna"
    package.mkdir()
    (package / "__init__.py").write_text(
        "import os; os.write(2, b'a message from C++'); raise OSError('broken')"
    )
    done = run("import linksim.phy", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert "a message from C++" in done.stderr
    assert "OSError: broken" in done.stderr


def test_self_test_agrees_with_its_expectations():
    from linksim.phy import selftest

    for name, (measured, expected, tolerance) in selftest.run().items():
        assert abs(measured - expected) <= tolerance, name
