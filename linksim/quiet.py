"""Silences TensorFlow's start-up messages, which come from C++ before it reads any log level."""

import contextlib
import os
import sys
import tempfile


@contextlib.contextmanager
def quiet():
    """Hold back what any library writes to standard error; show it if the block fails.

    The file descriptor itself is redirected. Afterwards TensorFlow reports errors only, unless the
    environment asks for more.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryFile() as messages:
        sys.stderr.flush()
        standard_error = os.dup(2)
        os.dup2(messages.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(standard_error, 2)
            messages.seek(0)
            sys.stderr.write(messages.read().decode(errors="replace"))
            raise
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)
