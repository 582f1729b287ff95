"""How property tests run in the suite: the same examples every time, few enough to take seconds."""

from hypothesis import HealthCheck, settings

# Fixtures are made once for all examples of a test; those that are used here hold nothing that an example changes.
FEW = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
MANY = settings(FEW, max_examples=200)
