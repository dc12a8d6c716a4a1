"""The channels that are on, by name and account."""

from collections.abc import Iterator, Mapping, Sequence

from bot.ports import Channel
from bot.sender import Account


class ChannelTable(Mapping[Account, Channel]):
    """The channels by (name, account); an account is known once the provider has said who we are."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self.channels = tuple(channels)

    def __getitem__(self, key: Account) -> Channel:
        for channel in self.channels:
            if (channel.name, channel.account) == key:
                return channel
        raise KeyError(key)

    def __iter__(self) -> Iterator[Account]:
        return ((channel.name, channel.account) for channel in self.channels)

    def __len__(self) -> int:
        return len(self.channels)
