"""How many examples: few by default, many with --hypothesis-profile=many."""

from hypothesis import HealthCheck, settings

SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large)
settings.register_profile("few", max_examples=40, deadline=None, suppress_health_check=SLOW)
settings.register_profile("many", max_examples=400, deadline=None, suppress_health_check=SLOW)
