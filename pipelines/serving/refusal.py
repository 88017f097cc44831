"""Why something that was asked for over HTTP is not done."""

from mmemo.errors import MmemoError


class RefusalError(MmemoError):
    """A request that is not fulfilled: one line for the user, and the status of the answer.

    Attributes:
        status: of HTTP (RFC 9110, section 15).
    """

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status
