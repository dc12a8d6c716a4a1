"""What is wrong with people and approvals: nobody there, nobody to be reached, times that contradict."""

import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.config.approvals import ApprovalsConfig, CallConfig, GateConfig
from bot.config.finding import Finding
from bot.config.people import ADDRESS_FORMS, KNOWN_ROLES, Person, resolve
from bot.config.section import KeyPath
from bot.config.settings import Config
from bot.config.values import show_duration

APPROVALS: KeyPath = ("approvals",)


def people_findings(config: Config) -> Iterator[Finding]:
    yield from _addresses(config)
    yield from _tokens(config.people)
    names = {person.name for person in config.people}
    for person in config.people:
        key: KeyPath = ("people", person.name)
        for channel in person.contact_order:
            if channel not in person.addresses:
                found = f'"{channel}", where {person.name} has no address'
                allowed = ", ".join(person.addresses) or "nothing: there are no addresses"
                keys = [(*key, "contact_order"), (*key, "addresses")]
                yield Finding(keys, found, allowed, "add the address", "warning")
        for role, count in Counter(person.roles).items():
            if count > 1:
                yield Finding([(*key, "roles")], f'"{role}" {count} times', "each role once", "remove one")
            if role in names:
                fix = "rename the role: approvers and causes would mean both"
                yield Finding([(*key, "roles")], f'"{role}", the name of a person', "another word", fix)
            if near := _meant(role):
                found, allowed = f'"{role}"', "a role of your own, or a known one"
                yield Finding([(*key, "roles")], found, allowed, f'did you mean "{near}"?', "warning")


def _addresses(config: Config) -> Iterator[Finding]:
    taken: dict[tuple[str, str], str] = {}
    for person in config.people:
        for channel, address in person.addresses.items():
            key: KeyPath = ("people", person.name, "addresses", channel)
            other = taken.setdefault((channel, address), person.name)
            if other != person.name:
                found = f"the {channel} address of {other}"
                yield Finding([key], found, "an address belongs to one person", "change one")
            if channel == "sms" and address == config.channels.sms.number:
                found = "the number that the bot itself sends from"
                keys = [key, ("channels", "sms", "number")]
                yield Finding(keys, found, "a number of the person's own", "change it")
            if channel == "email" and address == config.channels.email.address:
                found = "the mailbox that the bot itself reads and sends from"
                keys = [key, ("channels", "email", "address")]
                yield Finding(keys, found, "a mailbox of the person's own", "change it")


def _tokens(people: Sequence[Person]) -> Iterator[Finding]:
    taken: dict[str, str] = {}
    for person in people:
        hashed = person.api_token_hash
        if hashed and (other := taken.setdefault(hashed, person.name)) != person.name:
            key: KeyPath = ("people", person.name, "api_token_hash")
            fix = f"run `bot people token {person.name}`"
            yield Finding([key], f"the token of {other}", "a token belongs to one person", fix)


def _meant(role: str) -> str:
    """The known role that a role nearly is."""
    near = difflib.get_close_matches(role, KNOWN_ROLES, n=1, cutoff=0.8)
    return near[0] if near and role not in KNOWN_ROLES else ""


# ---------------------------------------------------------------- approvals


@dataclass(frozen=True)
class _Place:
    """A part of the settings that says whose yes is needed; `own` is what is written there."""

    key: KeyPath
    own: ApprovalsConfig | CallConfig
    whole: ApprovalsConfig

    def keys(self, name: str) -> list[KeyPath]:
        """The setting, and where it stands if it is not set here."""
        here = name in self.own.model_fields_set or self.key == APPROVALS
        return [(*self.key, name)] if here else [(*self.key,), (*APPROVALS, name)]

    @property
    def possible(self) -> tuple[str, ...]:
        """Everybody who may come to decide, as it is written."""
        return (*self.whole.approvers, *(who for level in self.whole.levels for who in level.approvers))


def approval_findings(config: Config) -> Iterator[Finding]:
    for place in _places(config):
        yield from _words(place, config.people)
        yield from _quorum(place, config.people)
        yield from _times(place)


def _places(config: Config) -> Iterator[_Place]:
    yield _Place(APPROVALS, config.approvals, config.approvals)
    for key, call in _calls(config):
        yield _Place(key, call, call.over(config.approvals))


def _calls(config: Config) -> Iterator[tuple[KeyPath, CallConfig]]:
    for agent, settings in config.agents.items():
        for tool, rule in settings.tools.items():
            yield ("agents", agent, "tools", tool), rule
    for name, job in config.jobs.items():
        yield ("jobs", name), job


def _words(place: _Place, people: Sequence[Person]) -> Iterator[Finding]:
    """A name that nobody has is a mistake; a known role that nobody has may be filled later."""
    written: list[tuple[str, Sequence[str]]] = []
    own = place.own
    if "approvers" in own.model_fields_set:
        written.append(("approvers", own.approvers or ()))
    if "levels" in own.model_fields_set:
        written.extend(("levels", level.approvers) for level in own.levels or ())
    if isinstance(own, CallConfig):
        written.append(("causes", own.causes or ()))
        gate = own.approval if isinstance(own.approval, GateConfig) else GateConfig()
        written.append(("approval", gate.roles))
    for name, words in written:
        for word in words:
            if not resolve([word], people):
                yield _nobody([(*place.key, name), ("people",)], word, people)


def _nobody(keys: list[KeyPath], word: str, people: Sequence[Person]) -> Finding:
    if word in KNOWN_ROLES:
        fix = f'give somebody the role "{word}" in config.local.toml, or name others here'
        return Finding(keys, f'"{word}", a role that nobody has', "a role of somebody", fix, "warning")
    known = sorted({name for person in people for name in (person.name, *person.roles)})
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    fix = f'did you mean "{near[0]}"?' if near else "add the person or the role to [[people]]"
    return Finding(keys, f'"{word}", which nobody has as name or role', ", ".join(known) or "nobody", fix)


def _quorum(place: _Place, people: Sequence[Person]) -> Iterator[Finding]:
    possible = resolve(place.possible, people)
    if possible and place.whole.quorum > len(possible):
        allowed = f"at most {len(possible)}, the number of possible approvers"
        keys = [*place.keys("quorum"), *place.keys("approvers"), *place.keys("levels"), ("people",)]
        yield Finding(keys, str(place.whole.quorum), allowed, "lower it, or name more approvers")


def _times(place: _Place) -> Iterator[Finding]:
    whole, keys = place.whole, [*place.keys("expires"), *place.keys("levels")]
    waits = [level.after for level in whole.levels]
    # With "pass_on" a level that would come later than the end is asked at the end, and everything begins anew.
    if whole.on_expiry == "deny" and any(after >= whole.expires for after in waits):
        last = next(after for after in waits if after >= whole.expires)
        found = f"{show_duration(whole.expires)}, over before a level is asked after {show_duration(last)}"
        fix = "raise expires, or lower the level's after"
        yield Finding(keys, found, f"more than {show_duration(last)}", fix)
    if waits != sorted(waits):
        fix = "put them in the order in which they are asked"
        yield Finding(place.keys("levels"), "levels out of order", "a growing `after`", fix)
    if whole.on_expiry == "pass_on" and not waits:
        both = [*place.keys("on_expiry"), *place.keys("levels")]
        fix = 'add levels, or take on_expiry = "deny"'
        yield Finding(both, '"pass_on" without levels', "levels to pass it on to", fix)


# ---------------------------------------------------------------- who can be reached


def reach_findings(config: Config, *, dev: bool) -> Iterator[Finding]:
    """A call that needs a yes, of people whom no channel reaches, waits for them to look by themselves."""
    for key, whole in _gated(config):
        place = _Place(key, whole, whole)
        approvers = resolve(place.possible, config.people)
        if approvers and not any(_can_be_reached(config, name, dev=dev) for name in approvers):
            found = f"{', '.join(approvers)}, none of whom a channel reaches"
            if not dev:
                found += " (demo people are reached in bot dev only)"
            fix = "add an address on a channel that is on, or name other approvers in config.local.toml"
            keys = [(*key, "approvers"), APPROVALS, ("people",), ("channels",)]
            yield Finding(keys, found, "approvers who can be reached", fix, "warning")


def _gated(config: Config) -> Iterator[tuple[KeyPath, ApprovalsConfig]]:
    """What is known to need a yes from the settings alone."""
    if config.human_approval_required:
        yield APPROVALS, config.approvals
    for key, call in _calls(config):
        risky = call.approval is not None or (key[0] == "jobs" and config.jobs[key[1]].unsafe)
        if risky and call.approval != "never":
            yield key, call.over(config.approvals)


def _can_be_reached(config: Config, name: str, *, dev: bool) -> bool:
    person = config.person_by_name(name)
    sections = {name: getattr(config.channels, name) for name in ADDRESS_FORMS}
    on = {name: section.on for name, section in sections.items()}
    if person is None or (person.demo and not dev):
        return False
    if person.demo:
        on = {name: section.enabled is not False for name, section in sections.items()}
    return any(on.get(channel) for channel in person.addresses)
