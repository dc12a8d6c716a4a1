"""Twilio's refusals: {code, message, more_info, status}, and what the codes mean."""

from simulators.twilio.config import Json

KNOWN: dict[int, tuple[int, str]] = {
    20001: (400, "Invalid value: {found}"),
    20003: (401, "Authenticate"),
    20004: (405, "Method not allowed"),
    20404: (404, "The requested resource {found} was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "An internal server error has occurred"),
    21211: (400, "Invalid 'To' Phone Number: {found}"),
    21266: (400, "'To' and 'From' number cannot be the same: {found}"),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (
        400,
        "The 'From' phone number provided ({found}) is not a valid message-capable Twilio phone number "
        "for this destination.",
    ),
    21609: (400, "The 'StatusCallback' URL {found} is not a valid URL."),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21611: (429, "This 'From' number {found} has exceeded the maximum number of queued messages"),
    21614: (400, "'To' number is not a valid mobile number"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit"),
}
"""HTTP status and message of an answer that refuses a request."""

DELIVERY: dict[int, str] = {
    30001: "Queue overflow",
    30002: "Account suspended",
    30003: "Unreachable destination handset",
    30004: "Message blocked",
    30005: "Unknown destination handset",
    30006: "Landline or unreachable carrier",
    30007: "Carrier violation",
    30008: "Unknown error",
    30034: "US A2P 10DLC - Message from an Unregistered Number",
}
"""`error_message` of a message that was accepted and then did not arrive."""


class TwilioError(Exception):
    """An answer other than 200 or 201. A code that is not known here gets HTTP 400."""

    def __init__(self, code: int, found: str = "") -> None:
        self.code = code
        self.status, message = KNOWN.get(code, (400, f"Simulated error {code}"))
        super().__init__(message.format(found=found))

    @property
    def body(self) -> Json:
        return {
            "code": self.code,
            "message": str(self),
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }
