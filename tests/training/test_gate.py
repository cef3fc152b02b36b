"""The gate can be trained on any positive number of examples."""

from __future__ import annotations

import numpy as np
import pytest

from transforms.deid.model.gate import PLACES, Gate
from transforms.training.gate import Examples, figures, train, with_thresholds

WIDTH = 8


def made(count: int) -> Examples:
    """A number beside one fixed word is an address, another fixed word is a person, the rest is neither."""
    random = np.random.default_rng(7)
    vectors = random.normal(0, 1, (count, PLACES * WIDTH)).astype(np.float32)
    middle = vectors[:, PLACES // 2 * WIDTH :]
    yes = np.stack([middle[:, 0] > 0.3, middle[:, 1] > 0.3], axis=1)
    return Examples(vectors, yes, np.where(yes, 0.9, 0.0).astype(np.float32))


def trained(count: int) -> Gate:
    return with_thresholds(train(made(count)), made(400))


@pytest.mark.parametrize("count", [1, 100, 511, 512, 700])
def test_few_examples_train_a_gate(count: int) -> None:
    """With less than one batch the number of steps was zero, which caused a division by zero."""
    gate = trained(count)
    assert all(np.isfinite(values).all() for values in gate)
    assert (gate.words != trained(count + 1).words).any()


def test_more_examples_train_a_better_gate() -> None:
    """The gate must pass nearly all positive words and few negative ones."""
    held = made(400)
    few, many = (figures(trained(count), held)["people"] for count in (100, 6_000))
    assert many["through"] < few["through"]
    assert many["sure_through"] > 0.9


def test_training_a_gate_without_examples_is_an_error() -> None:
    """A gate without training would reject every name."""
    with pytest.raises(ValueError, match="no examples"):
        train(made(0))
