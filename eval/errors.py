"""The one error of this library."""


class EvaluationError(ValueError):
    """Input that no figure can be computed from. The message is one sentence: the argument, what is allowed, what
    came."""
