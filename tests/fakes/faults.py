"""Deliberate faults: a private copy of a module of the product in which one name means something else.

The module itself stays as it is, for everybody else who uses it.
"""

from __future__ import annotations

from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType
from typing import TypeVar

Kind = TypeVar("Kind")


def with_fault(module: ModuleType, **wrong: object) -> ModuleType:
    """A copy of a module with these names put wrong; each must be one that the module has."""
    assert module.__file__ is not None
    spec = spec_from_file_location(module.__name__, module.__file__)
    assert spec is not None
    assert spec.loader is not None
    copy = module_from_spec(spec)
    spec.loader.exec_module(copy)
    for name, value in wrong.items():
        assert hasattr(copy, name), f"{module.__name__} has no {name}"
        setattr(copy, name, value)
    return copy


def as_one_of(sound: object, kind: type[Kind]) -> Kind:
    """An object with the state of another, and the methods of a class from a copied module."""
    faulty = kind.__new__(kind)
    vars(faulty).update(vars(sound))
    return faulty
