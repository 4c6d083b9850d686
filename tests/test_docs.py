"""Every public name is documented, and the examples in the documentation run."""

from __future__ import annotations

import doctest
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import csched
from csched import aio

PACKAGE = Path(csched.__file__).parent
PUBLIC = {
    f"{module.__name__}.{name}": getattr(module, name)
    for module in (csched, aio)
    for name in module.__all__
    if not inspect.ismodule(getattr(module, name))
}
FLAGS = doctest.ELLIPSIS | doctest.REPORT_NDIFF


def documented(name: str, value: object) -> Iterator[tuple[str, str]]:
    """The docstrings of a public object and, if it is a class, of its public members."""
    yield name, inspect.getdoc(value) or ""
    if inspect.isclass(value):
        for key, member in vars(value).items():
            if not key.startswith("_") and callable(member):
                yield f"{name}.{key}", inspect.getdoc(member) or ""


def run_examples(name: str, text: str) -> None:
    # Nothing is in scope: an example imports what it uses, as the reader has to.
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    runner.run(test, out=report.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(report)


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_name_has_a_docstring(name: str) -> None:
    value = PUBLIC[name]
    if not callable(value):
        value = type(value)
    for full_name, text in documented(name, value):
        assert text, f"{full_name} has no docstring"
        # What a class without a docstring of its own inherits says nothing about it.
        assert text != inspect.getdoc(object), f"{full_name} has no docstring"


@pytest.mark.parametrize("name", PUBLIC)
def test_the_examples_of_a_public_name_run(name: str) -> None:
    for full_name, text in documented(name, PUBLIC[name]):
        run_examples(full_name, text)


@pytest.mark.parametrize("stem", sorted(path.stem for path in PACKAGE.glob("*.py")))
def test_the_examples_within_a_module_run(stem: str) -> None:
    module = importlib.import_module("csched" if stem == "__init__" else f"csched.{stem}")
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    for test in doctest.DocTestFinder().find(module):
        runner.run(test)
    assert runner.summarize(verbose=False).failed == 0


def test_every_public_name_is_there_once() -> None:
    for module in (csched, aio):
        assert len(set(module.__all__)) == len(module.__all__)
        for name in module.__all__:
            assert hasattr(module, name)
