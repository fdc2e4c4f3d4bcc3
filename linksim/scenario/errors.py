"""The one exception for bad input: it names the file, the field and the mend."""


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

    def __reduce__(self):
        return _rebuild, (self.problem, self.file, self.field, self.mend)

    def __str__(self):
        """One line, or two with the mend; line breaks inside the parts are folded."""
        place = [str(part) for part in (self.file, self.field) if part]
        lines = [": ".join([*place, self.problem])]
        if self.mend:
            lines.append(f"mend: {self.mend}")
        return "\n".join(" ".join(line.split()) for line in lines)


def _rebuild(problem, file, field, mend):
    return InputError(problem, file=file, field=field, mend=mend)
