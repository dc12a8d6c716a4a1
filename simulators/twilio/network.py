"""What happens between phones and the app: texts come in, messages go out, statuses and replies follow."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urljoin

from simulators.twilio import faults, forms, keywords
from simulators.twilio.config import TwilioConfig
from simulators.twilio.errors import TwilioError
from simulators.twilio.outgoing import Outgoing, check
from simulators.twilio.posts import Answer, Posts
from simulators.twilio.resources import media_path
from simulators.twilio.segments import segments
from simulators.twilio.state import Direction, Media, Message, Post, TwilioState
from simulators.twilio.twiml import BadTwiml, replies

RANKS = {"queued": 0, "sending": 1, "sent": 2, "delivered": 3, "undelivered": 3, "failed": 3}


@dataclass(frozen=True)
class Picture:
    """Something that a person attaches."""

    content_type: str
    content: bytes


class Network:
    def __init__(
        self,
        config: TwilioConfig,
        state: TwilioState,
        posts: Posts,
        *,
        now: Callable[[], datetime],
        new_hex: Callable[[], str],
    ) -> None:
        self._config = config
        self._state = state
        self._posts = posts
        self._now = now
        self._new_hex = new_hex
        self._tasks: set[asyncio.Task[None]] = set()
        self.api_url = ""
        """Where apps find us; addresses of media start with it."""

    def start(self, api_url: str) -> None:
        """Take up what was under way when the simulator stopped."""
        self.api_url = api_url
        for post in self._state.pending_posts():
            self._begin(self._deliver(post))
        for message in self._state.messages_under_way():
            self._begin(self._advance(message))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # A person texts

    def text(self, sender: str, body: str, *, pictures: Sequence[Picture] = ()) -> Message:
        """The message is kept, the words stop, start and help do their work, and the app is told."""
        ours = self._config.number
        message = self._new("MM" if pictures else "SM", sender, ours, body, direction="inbound")
        media = tuple(
            Media(f"ME{self._new_hex()}", message.sid, picture.content_type, picture.content)
            for picture in pictures
        )
        with self._state.together():
            message = self._state.put_message(replace(message, status="received", sent_at=message.created_at))
            self._state.put_media(media)
            keyword = keywords.opt_out_type(body)
            if keyword is not None:
                self._obey_keyword(keyword, sender)
            post = self._post_of(message, media, keyword)
        if post is not None:
            self._begin(self._deliver(post))
        return message

    def _obey_keyword(self, keyword: keywords.OptOutType, person: str) -> None:
        ours = self._config.number
        answer = keywords.reply_to(keyword, opted_out=self._state.is_opted_out(ours, person))
        match keyword:
            case "STOP":
                self._state.opt_out(ours, person)
            case "START":
                self._state.opt_in(ours, person)
            case "HELP":
                pass
        if answer is not None:
            reply = self._new("SM", ours, person, answer, direction="outbound-reply")
            self._state.put_message(replace(reply, status="delivered", sent_at=reply.created_at))

    def _post_of(
        self, message: Message, media: tuple[Media, ...], keyword: keywords.OptOutType | None
    ) -> Post | None:
        url = self._state.get("webhook")
        if not url:
            return None
        account = self._config.account_sid
        addresses = tuple((self.api_url + media_path(each, account), each) for each in media)
        form = forms.message_form(message, account, media=addresses, opt_out=keyword)
        post = Post(self._new_hex(), message.sid, "message", url, form)
        self._state.put_post(post)
        return post

    async def redeliver(self, post: Post, *, times: int) -> int:
        """The same request again, all copies at once; returns how many the app took."""
        return sum(await asyncio.gather(*(self._posts.once(post) for _ in range(times))))

    # The app sends

    def send(self, outgoing: Outgoing, fault: faults.Fault | None = None) -> Message:
        """Accept a message as queued, or raise what Twilio answers; the rest happens by itself."""
        return self._accept(outgoing, "outbound-api", faults.plan(fault))

    def _accept(self, outgoing: Outgoing, direction: Direction, ahead: tuple[str, ...]) -> Message:
        opted_out = self._state.is_opted_out(outgoing.from_, outgoing.to)
        check(outgoing, ours=self._config.number, opted_out=opted_out)
        prefix = "MM" if outgoing.media_urls else "SM"
        message = self._new(prefix, outgoing.from_, outgoing.to, outgoing.body, direction=direction)
        message = self._state.put_message(
            replace(
                message,
                media_urls=outgoing.media_urls,
                callback=outgoing.callback or self._state.get("status_webhook"),
                ahead=ahead,
            )
        )
        self._begin(self._advance(message))
        return message

    async def _advance(self, message: Message) -> None:
        """One status after the other; each is reported before the next, in the order that was asked for."""
        while message.ahead:
            status, _, code = message.ahead[0].partition(":")
            with self._state.together():
                message = self._state.put_message(self._advanced(message, status, code))
                post = self._status_post(message, status)
            if post is not None:
                await self._posts.deliver(post)

    def _advanced(self, message: Message, status: str, code: str) -> Message:
        """What is reported late or twice does not take the message itself back."""
        now = self._now().timestamp()
        message = replace(message, ahead=message.ahead[1:])
        if RANKS[status] <= RANKS[message.status]:
            return message
        return replace(
            message,
            status=status,
            updated_at=now,
            sent_at=message.sent_at if status in ("queued", "sending", "failed") else message.sent_at or now,
            error_code=int(code) if code else None,
        )

    def _status_post(self, message: Message, status: str) -> Post | None:
        if not message.callback:
            return None
        form = forms.status_form(message, status, self._config.account_sid)
        post = Post(self._new_hex(), message.sid, "status", message.callback, form)
        self._state.put_post(post)
        return post

    # The app is told and answers

    async def _deliver(self, post: Post) -> None:
        answer = await self._posts.deliver(post)
        message = self._state.message(post.message_sid)
        if answer is None or message is None or post.kind == "status":
            return
        try:
            self._reply(message, post, answer)
        except BadTwiml as error:
            self._note(post, f"{error.code}: {error}")
        except TwilioError as error:
            self._note(post, f"{error.code}: {error}")

    def _reply(self, message: Message, post: Post, answer: Answer) -> None:
        for reply in replies(answer.content_type, answer.text):
            outgoing = Outgoing(
                to=reply.to or message.sender,
                from_=reply.from_ or message.recipient,
                body=reply.body,
                media_urls=reply.media,
                callback=urljoin(post.url, reply.status_callback) if reply.status_callback else "",
            )
            self._accept(outgoing, "outbound-reply", faults.plan(None))

    def _note(self, post: Post, problem: str) -> None:
        written = next(each for each in self._state.posts_of(post.message_sid) if each.token == post.token)
        self._state.put_post(replace(written, problem=problem))

    def _new(self, prefix: str, sender: str, recipient: str, body: str, *, direction: Direction) -> Message:
        now = self._now().timestamp()
        return Message(
            sid=prefix + self._new_hex(),
            sender=sender,
            recipient=recipient,
            body=body,
            direction=direction,
            status="queued",
            created_at=now,
            updated_at=now,
            segments=segments(body),
        )

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
