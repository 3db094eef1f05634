"""scikit-learn's conventions for constructor arguments, and options in groups."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeVar

from tidegate.core.checks import Count, Range, Share, Whole
from tidegate.core.docstrings import arguments, completed
from tidegate.core.errors import ConfigError
from tidegate.core.translate import tr
from tidegate.tasks.options import Cell, Size, group, unknown

if TYPE_CHECKING:
    from sklearn.utils import Tags

GROUP = "| Mapping[str, Any] | None"  # how the type of a group ends
Self = TypeVar("Self", bound="Parameters")


@dataclass(kw_only=True, eq=False, repr=False)
class Parameters:
    """Constructor arguments that every estimator has, stored untouched.

    An estimator is a dataclass: its fields are its arguments. Everyday options are arguments; the finer ones stand in
    groups (`network=`, `training=`, `preparation=`, ...), each an object or a mapping: fields of the type
    `Options | Mapping[str, Any] | None`, which `GROUPS` names with their types. What a class says of its arguments is
    handed down in its docstring.

    Args:
        cell: kind of cell: `lstm`, `gru`, `peephole` (gates see the cell state), `coupled` (input gate 1 - f), `slstm`
            (exponential gate, normalised state) or `mlstm` (matrix memory, trained in parallel over the steps).
        hidden_size: units per layer, H; the guide tries 32 to 256 (4.3).
        num_layers: recurrent layers, 1 to 3 as a rule.
        dropout: share of the units silenced between layers in training, 0.1 to 0.5 as a rule.
        loss: what training lowers.
        learning_rate: peak rate of the training.
        batch_size: windows or sequences a step; chosen from how many there are if None.
        max_epochs: passes over the training part, at most; chosen from how much there is if None.
        seed: seed of weights, dropout, parts and order; with the same one a run repeats bit for bit.
        preset: `fast`; `medium`, which trains several members where data are few; `best`, which tries several networks
            and takes what the validation part chooses; None trains once, with the options as they are. What is chosen
            takes the place of the options, and `search_` has all that was tried.
        time_limit: seconds that a fit with its evaluation may take; None sets no limit. With one, a run does not repeat
            bit for bit.
    """

    GROUPS: ClassVar[Mapping[str, type[Any]]] = {}

    cell: Cell = "lstm"
    hidden_size: Size = 64
    num_layers: Size = 1
    dropout: Share = 0.1
    loss: str = "mse"
    learning_rate: Annotated[float, Range(0, 100, above=True)] = 2e-3
    batch_size: Count | None = None
    max_epochs: Count | None = None
    seed: Whole = 0
    preset: Literal["fast", "medium", "best"] | None = None
    time_limit: Annotated[float, Range(1, 1e9)] | None = None

    def __init_subclass__(cls, **given: Any) -> None:
        """Find the groups among the fields, and put into the docstring what the classes above say of its arguments."""
        super().__init_subclass__(**given)
        scope, own = vars(sys.modules[cls.__module__]), inspect.get_annotations(cls)
        groups = {name: kind.partition(" | ") for name, kind in own.items() if str(kind).endswith(GROUP)}
        cls.GROUPS = {**cls.GROUPS, **{name: scope[kind] for name, (kind, *_) in groups.items()}}
        texts: dict[str, str] = {}
        for base in reversed(cls.__mro__[1:]):
            texts |= arguments(base.__doc__, vars(base).get("__dataclass_fields__", ()))
        said = arguments(cls.__doc__, {**texts, **getattr(cls, "__annotations__", {})})
        cls.__doc__ = completed(cls.__doc__ or "", {name: text for name, text in texts.items() if name not in said})

    def __new__(cls: type[Self], *_: Any, **given: Any) -> Self:
        """Refuse options that there are not, with the place where they belong.

        Raises:
            ConfigError: a name that the constructor does not have.
        """
        cls._check_names(given)
        return super().__new__(cls)

    @classmethod
    def _names(cls) -> list[str]:
        """Names of the constructor's arguments: what makes the task, what every estimator has, the groups."""
        common = Parameters.__annotations__
        names = [item.name for item in fields(cls) if item.init]
        return sorted(names, key=lambda name: 2 if name in cls.GROUPS else int(name in common))

    @classmethod
    def _check_names(cls, given: Mapping[str, Any]) -> None:
        known = cls._names()
        for name, value in given.items():
            if name in known:
                continue
            holder = cls.home(name)
            if holder is None:
                everything = [*known, *(item.name for kind in cls.GROUPS.values() for item in fields(kind))]
                raise ConfigError(unknown(cls.__name__, name, everything, known))
            values = {"name": name, "holder": f"{holder}={{{name!r}: {value!r}}}", "kind": cls.__name__}
            raise ConfigError(tr("{name} belongs to {holder} of {kind}", **values))

    @classmethod
    def home(cls, name: str) -> str | None:
        """The group that an option stands in; None for one that is no option of a group."""
        found = (key for key, kind in cls.GROUPS.items() if any(item.name == name for item in fields(kind)))
        return next(found, None)

    @classmethod
    def placed(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        """Options by their plain names, each with the group that it stands in put before it: `training.patience`."""
        known = cls._names()
        found: dict[str, Any] = {}
        for name, value in options.items():
            holder = None if name in known or "." in name else cls.home(name)
            found[name if holder is None else f"{holder}.{name}"] = value
        return found

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Constructor arguments by name (`deep` is there for scikit-learn; no estimator is nested)."""
        return {name: getattr(self, name) for name in self._names()}

    def set_params(self: Self, **params: Any) -> Self:
        """Replace constructor arguments; `training__patience` replaces one option of a group.

        Raises:
            ConfigError: a name the constructor, or the group, does not have.
        """
        for name, value in self._merged(params).items():
            setattr(self, name, value)
        return self

    def variant(self: Self, changes: Mapping[str, Any]) -> Self:
        """A new estimator, not fitted, with some options changed.

        Args:
            changes: by name; `training.patience` changes one option of a group and leaves the others.

        Raises:
            ConfigError: a name the constructor, or the group, does not have.
        """
        return type(self)(**(self.get_params() | self._merged(changes)))

    def flat_options(self) -> dict[str, Any]:
        """Every option by its name, those of the groups with their defaults; the estimator's own arguments win."""
        found: dict[str, Any] = {}
        for name, kind in self.GROUPS.items():
            found |= asdict(group(kind, getattr(self, name)))
        return found | {name: value for name, value in self.get_params().items() if name not in self.GROUPS}

    def _merged(self, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Changed arguments, with changes within a group put into the whole group."""
        found: dict[str, Any] = {}
        for name, value in sorted(changes.items(), key=lambda pair: "." in pair[0] or "__" in pair[0]):  # wholes first
            key, dot, option = name.replace("__", ".").partition(".")
            if not dot:
                found[name] = value
                continue
            if key not in self.GROUPS:
                raise ConfigError(unknown(type(self).__name__, name, [f"{one}.{option}" for one in self.GROUPS]))
            found[key] = changed(self.GROUPS[key], found.get(key, getattr(self, key)), option, value)
        self._check_names(found)
        return found

    def _changed(self) -> set[str]:
        """Names of the arguments that are not at their defaults."""
        defaults = {item.name: item.default for item in fields(self)}
        return {name for name, value in self.get_params().items() if repr(value) != repr(defaults[name])}

    def __repr__(self) -> str:
        changed = self._changed()
        shown = (f"{name}={value!r}" for name, value in self.get_params().items() if name in changed)
        return f"{type(self).__name__}({', '.join(shown)})"


class SklearnTags:
    """What scikit-learn asks of an estimator of labels or numbers."""

    task: str

    def __sklearn_is_fitted__(self) -> bool:
        """Whether it can answer, as scikit-learn's `check_is_fitted` asks."""
        return hasattr(self, "spec_")

    def __sklearn_tags__(self) -> Tags:
        """What scikit-learn's pipelines and searches want to know: a classifier or a regressor, of which arrays."""
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        classes = self.task == "classifier"
        return Tags(
            estimator_type="classifier" if classes else "regressor",
            target_tags=TargetTags(required=True, multi_output=True),
            classifier_tags=ClassifierTags(multi_label=True) if classes else None,
            regressor_tags=None if classes else RegressorTags(),
            input_tags=InputTags(three_d_array=True, allow_nan=True, string=True),
        )


def changed(kind: type[Any], given: Any, name: str, value: Any) -> Any:
    """A group as it was given, with one option changed; unknown names are refused.

    Raises:
        ConfigError: the group has no such option.
    """
    if is_dataclass(given) and not isinstance(given, type):
        standard = kind()
        own = {item.name: getattr(given, item.name) for item in fields(given)}
        given = {key: item for key, item in own.items() if item != getattr(standard, key)}
    elif given is not None and not isinstance(given, Mapping):
        group(kind, given)  # refuses it
    found = {**(given or {}), name: value}
    known = [item.name for item in fields(kind)]
    for key in found:
        if key not in known:
            raise ConfigError(unknown(kind.__name__, key, known))
    return found
