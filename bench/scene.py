"""The one message that is measured everywhere: a question, one tool call, an answer; two model calls in all."""

from dataclasses import dataclass

TURNS = 5
"""So many messages a conversation has; then its place is taken by a new one, so that none grows for ever."""

TOOL = "look_up"
QUESTION = "What is the delivery date of order {number}? Please look it up and tell me in one sentence."
FOUND = "order {number}: packed on Monday, leaves on Tuesday, arrives on Thursday before noon"
ANSWER = "Order {number} leaves the warehouse on Tuesday and arrives on Thursday before noon."


def question(number: int) -> str:
    return QUESTION.format(number=number)


def found(number: str) -> str:
    return FOUND.format(number=number)


def answer(number: str) -> str:
    return ANSWER.format(number=number)


# The same over Slack, with a tool that the default agent has.
TIME_TOOL = "current_time"
ZONE = "Asia/Tokyo"
TIME_QUESTION = "What time is it in Tokyo now? I have a call with order {number} there. One sentence, please."
TIME_ANSWER = "It is past noon in Tokyo, so there is time enough for your call about order {number}."


@dataclass(frozen=True, slots=True)
class Load:
    """How much is asked: `at_once` conversations side by side, `messages` in all."""

    at_once: int
    messages: int

    def conversation(self, lane: int, turn: int) -> str:
        """Which conversation the `turn`th message of a lane belongs to."""
        return f"c{lane}-{turn // TURNS}"
