"""Loads TensorFlow and Sionna quietly, with the settings that make results repeatable."""

import contextlib
import os
import sys

from linksim.quiet import quiet

#: One thread per worker: results then cannot depend on how many workers share the machine's cores.
THREADS = 1


def load() -> None:
    """Import TensorFlow and Sionna without their start-up messages and fix their threads.

    What was written meanwhile is shown if the import fails.
    """
    if "sionna.phy" in sys.modules:
        return
    # oneDNN chooses other summation orders on other machines.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with quiet():
        import tensorflow as tf

        # A program that has started TensorFlow already keeps its threads.
        with contextlib.suppress(RuntimeError):
            tf.config.threading.set_intra_op_parallelism_threads(THREADS)
            tf.config.threading.set_inter_op_parallelism_threads(THREADS)
        # Every MCS has its own graph; TensorFlow takes that for careless retracing.
        tf.get_logger().setLevel("ERROR")
        tf.zeros(1)  # starts the runtime, which has messages of its own
        import sionna.phy  # noqa: F401
