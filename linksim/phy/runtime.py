"""Loads TensorFlow and Sionna quietly, with the settings that make results repeatable."""

import contextlib
import os
import sys
import tempfile

#: One thread per worker: results then cannot depend on how many workers share the machine's cores.
THREADS = 1


def load() -> None:
    """Import TensorFlow and Sionna without their start-up messages and fix their threads.

    The messages come from C++ before any log level is read, so the file descriptor itself is redirected while
    the import lasts; what was written is shown if the import fails.
    """
    if "sionna.phy" in sys.modules:
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # oneDNN chooses other summation orders on other machines.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with tempfile.TemporaryFile() as messages:
        sys.stderr.flush()
        standard_error = os.dup(2)
        os.dup2(messages.fileno(), 2)
        try:
            import tensorflow as tf

            # A program that has started TensorFlow already keeps its threads.
            with contextlib.suppress(RuntimeError):
                tf.config.threading.set_intra_op_parallelism_threads(THREADS)
                tf.config.threading.set_inter_op_parallelism_threads(THREADS)
            # Every MCS has its own graph; TensorFlow takes that for careless retracing.
            tf.get_logger().setLevel("ERROR")
            tf.zeros(1)  # starts the runtime, which has messages of its own
            import sionna.phy  # noqa: F401
        except BaseException:
            os.dup2(standard_error, 2)
            messages.seek(0)
            sys.stderr.write(messages.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)
