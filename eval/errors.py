"""The one error of this library."""


class EvaluationError(ValueError):
    """Input that no figure can be computed from. The message is one sentence: the argument, what is allowed, what
    came."""

    for_the_user = True  # a tool prints the sentence and leaves with status 2
