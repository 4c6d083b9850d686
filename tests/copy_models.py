"""What the models of copying have in common."""

from __future__ import annotations

import gc

import pytest
from hypothesis import HealthCheck, settings


@pytest.fixture(scope="module", autouse=True)
def only_the_objects_of_these_tests_are_looked_at():
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


slow = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
