"""The check of annotations while testing: shapes by jaxtyping, the rest by beartype.

jaxtyping binds the arguments anew at every call, to know which sizes go by one name. A function without shapes needs
none of that: beartype alone checks the same there, in less time.
"""

import dataclasses
import inspect
import sys
from collections.abc import Callable, Iterable
from typing import Any, get_args

import jaxtyping
from beartype import BeartypeConf, beartype
from jaxtyping import AbstractArray

# The error of a wrong argument is the same with shapes and without: a TypeError.
_without_shapes = beartype(conf=BeartypeConf(violation_type=jaxtyping.TypeCheckError))


def check_annotations(packages: Iterable[str]) -> None:
    """Check every call of a function of these packages, none of which is imported yet."""
    if imported := [name for name in packages if name in sys.modules]:
        raise RuntimeError(f"imported before the import hook could check them: {imported}")
    by_shape = jaxtyping.jaxtyped

    def checked(target: Any = None, *, typechecker: Callable[..., Any]) -> Any:
        if target is None:
            return lambda found: checked(found, typechecker=typechecker)
        if inspect.isclass(target) and not dataclasses.is_dataclass(target):
            return target
        if "<locals>" in target.__qualname__:
            # Decorated anew at every call of the function around it, which takes longer than the call.
            return target
        function = target.__init__ if inspect.isclass(target) else target
        if not isinstance(function, Callable) or _has_shapes(function):  # type: ignore[arg-type]
            return by_shape(target, typechecker=typechecker)
        if inspect.isclass(target):
            target.__init__ = _without_shapes(target.__init__)
            return target
        return _without_shapes(target)

    # What the import hook writes above every function and class.
    jaxtyping.jaxtyped = checked
    jaxtyping.install_import_hook(list(packages), "beartype.beartype")


def _has_shapes(function: Callable[..., Any]) -> bool:
    return any(map(_is_shape, getattr(function, "__annotations__", {}).values()))


def _is_shape(annotation: Any) -> bool:
    # A name in quotation marks may stand for anything.
    if isinstance(annotation, str) or (inspect.isclass(annotation) and issubclass(annotation, AbstractArray)):
        return True
    arguments = get_args(annotation)
    return any(_is_shape(part) for each in arguments for part in (each if isinstance(each, list) else [each]))
