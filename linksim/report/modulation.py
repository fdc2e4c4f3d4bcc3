"""Names of the modulation orders of weights."""


def modulation_text(points: int) -> str:
    """The name of a constellation of M points, as uJSCC's paper has it.

    Examples
    --------
    >>> [modulation_text(points) for points in (2, 4, 256)]
    ['BPSK', '4QAM', '256QAM']
    """
    return "BPSK" if points == 2 else f"{points}QAM"
