"""How much each measurement does: `SHORT=1` for a minute or so, else up to a quarter of an hour."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """`floor` and `slack` say (how many at once, how many messages)."""

    rounds: int
    floor: tuple[tuple[int, int], ...]
    slack: tuple[tuple[int, int], ...]
    slow_model: int
    starts: int
    long_turns: int
    pending: int


FULL = Sizes(
    rounds=3,
    floor=((1, 150), (16, 1280), (256, 2560)),
    slack=((1, 120), (16, 640), (64, 640)),
    slow_model=320,
    starts=3,
    long_turns=10_000,
    pending=10_000,
)
SHORT = Sizes(
    rounds=1,
    floor=((1, 60), (16, 640), (256, 2560)),
    slack=((1, 60), (16, 320), (64, 320)),
    slow_model=96,
    starts=1,
    long_turns=1_000,
    pending=1_000,
)
