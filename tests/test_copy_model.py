"""Random messages: a copy has the shape of its original, and shares no more than it may."""

from __future__ import annotations

import gc
import sys
from typing import Any

import pytest
from copy_graphs import Broken, compare, messages, reachable
from copy_models import only_the_objects_of_these_tests_are_looked_at, slow  # noqa: F401
from hypothesis import given
from hypothesis import strategies as st

from csched._copy import CopyError, copy


@given(messages())
@slow
def test_a_copy_has_the_shape_of_its_original_and_no_mutable_object_of_it(message: Any) -> None:
    compare(message, copy(message))


@given(messages())
@slow
def test_a_copy_leaves_the_original_with_the_references_it_had(message: Any) -> None:
    copy(message)
    gc.collect()
    before = [sys.getrefcount(part) for part in reachable(message)]
    for _ in range(3):
        copy(message)
    gc.collect()
    assert [sys.getrefcount(part) for part in reachable(message)] == before


@given(messages(), st.sampled_from(["refuse", "raise", "make", "state"]), st.data())
@slow
def test_a_failing_copy_leaves_the_original_with_the_references_it_had(
    message: Any, way: str, data: st.DataObject
) -> None:
    lists = [part for part in reachable(message) if type(part) is list]
    data.draw(st.sampled_from(lists)).append(Broken(way))
    del lists

    def fail() -> None:
        with pytest.raises(CopyError, match=r"^message.*Broken|^message.*Hooked"):
            copy(message)

    fail()
    gc.collect()
    before = [sys.getrefcount(part) for part in reachable(message)]
    for _ in range(3):
        fail()
    gc.collect()
    assert [sys.getrefcount(part) for part in reachable(message)] == before
