"""What every estimator shares: scikit-learn's conventions for constructor arguments."""

from __future__ import annotations

import inspect
from typing import Any, TypeVar

from tidegate.core.errors import ConfigError, NotFittedError

Self = TypeVar("Self", bound="Estimator")


class Estimator:
    """Constructor arguments are stored untouched; learned state ends in an underscore; `fit` returns self."""

    @classmethod
    def _names(cls) -> list[str]:
        return [name for name in inspect.signature(cls.__init__).parameters if name != "self"]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Constructor arguments by name (`deep` is there for scikit-learn; nothing is nested)."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self: Self, **params: Any) -> Self:
        """Replace constructor arguments.

        Raises:
            ConfigError: a name the constructor does not have.
        """
        known = self._names()
        for name, value in params.items():
            if name not in known:
                raise ConfigError(f"{type(self).__name__} has no option {name!r}; it has {', '.join(known)}")
            setattr(self, name, value)
        return self

    def _require_fitted(self, attribute: str) -> None:
        if not hasattr(self, attribute):
            raise NotFittedError(
                f"this {type(self).__name__} has not been fitted: call fit() first, or tidegate.load()"
            )

    def _changed(self) -> set[str]:
        """Names of the arguments that are not at their defaults."""
        defaults = {name: p.default for name, p in inspect.signature(type(self).__init__).parameters.items()}
        return {name for name, value in self.get_params().items() if repr(value) != repr(defaults[name])}

    def __repr__(self) -> str:
        changed = self._changed()
        shown = (f"{name}={value!r}" for name, value in self.get_params().items() if name in changed)
        return f"{type(self).__name__}({', '.join(shown)})"
