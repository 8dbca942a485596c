"""Others do their worst between any two requests of ours, in a few histories here: `make proof` tries many more."""

from __future__ import annotations

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.histories.history import prove


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    # A history is drawn by its seed, which has nothing to shrink: hypothesis prints it.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    print_blob=True,
)
@given(st.randoms(use_true_random=True))
def test_others_at_any_moment(chance: object) -> None:
    """Nobody undeclared is changed, no guard passed, every write journalled, and the next run ends as declared."""
    prove(chance.getrandbits(48))  # type: ignore[attr-defined]
