"""The one exception for bad input: it names the file, the field and the mend."""

import reprlib

_BRIEF = reprlib.Repr()
_BRIEF.maxlevel, _BRIEF.maxdict, _BRIEF.maxlist, _BRIEF.maxstring, _BRIEF.maxother = 2, 3, 4, 60, 60


class InputError(ValueError):
    """Something that a user wrote or passed cannot be used.

    Parameters
    ----------
    problem : str
        What is wrong, in one short sentence without a trailing full stop.
    file : str or None
        The file that holds it.
    field : str or None
        The path of the field inside the file, as `systems.0.codec.chroma`.
    mend : str or None
        What to write instead.
    """

    def __init__(self, problem, *, file=None, field=None, mend=None):
        self.problem = problem
        self.file = file
        self.field = field
        self.mend = mend
        super().__init__(str(self))

    def at(self, field):
        """The error of a field that names the file in which this one lies."""
        problem = ": ".join(filter(None, (self.file, self.field, self.problem)))
        return InputError(problem, field=field, mend=self.mend)

    def __reduce__(self):
        return _rebuild, (self.problem, self.file, self.field, self.mend)

    def __str__(self):
        """One line, or two with the mend; line breaks inside the parts are folded."""
        place = [str(part) for part in (self.file, self.field) if part]
        lines = [": ".join([*place, self.problem])]
        if self.mend:
            lines.append(f"mend: {self.mend}")
        return "\n".join(" ".join(line.split()) for line in lines)


def brief(value: object) -> str:
    """Show a value of any size and shape in one short line."""
    try:
        text = _BRIEF.repr(value)
    except ValueError:  # Python refuses to write out integers of thousands of digits
        return "a number of thousands of digits"
    return text if len(text) <= 80 else text[:77] + "..."


def _rebuild(problem, file, field, mend):
    return InputError(problem, file=file, field=field, mend=mend)
