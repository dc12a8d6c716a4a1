"""A person's time zone comes from Slack where the configuration has none."""

import pytest

from channels.slack.zones import zone_of


@pytest.mark.parametrize(
    ("answer", "zone"),
    [
        ({"user": {"tz": "Europe/Vienna"}}, "Europe/Vienna"),
        ({"user": {"tz": "Mars/Olympus"}}, ""),
        ({"user": {"tz": "../../etc/passwd"}}, ""),
        ({"user": {"tz": ""}}, ""),
        ({"user": {"tz": 3}}, ""),
        ({"user": None}, ""),
        ({}, ""),
    ],
)
def test_only_a_time_zone_that_exists_is_taken_from_slack(answer: dict[str, object], zone: str) -> None:
    assert zone_of(answer) == zone
