"""The request as the API reads it: media types, size and JSON are checked before anything is believed."""

from __future__ import annotations

from typing import Any

from flask import Request as FlaskRequest
from werkzeug.exceptions import RequestEntityTooLarge

from domain import strict_json
from domain.errors import Refusal

JSON = "application/json"
PROBLEM = "application/problem+json"

# Bodies of JSON are small; what is large comes as a file (import).
# What is read before anybody is asked who sends it: a connection need not be given back meanwhile and taken again.
SMALL = 64 * 1024
JSON_LIMIT = 2 * 1024 * 1024


class Malformed(Refusal):
    """The body cannot be read."""

    code = "malformed"


class UnsupportedMediaType(Refusal):
    """The body is of a kind that is not taken here."""

    code = "unsupported_media_type"


class NotAcceptable(Refusal):
    """The client takes no answer of the kinds there are."""

    code = "not_acceptable"


class Request(FlaskRequest):
    """A request whose JSON is read strictly, in the API and wherever else JSON is asked for."""

    def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Read the body as JSON; no body is `{}`.

        Raises
        ------
        Malformed
            If the body is no JSON, or JSON with duplicate keys or NaN.
        UnsupportedMediaType
            If the body is declared as something else.
        """
        data = self.get_data()
        if not data:
            return {}
        if not force:
            self.expect(JSON)
        try:
            return strict_json.loads(data)
        except strict_json.NotJson as error:
            raise Malformed(reason=str(error)) from error

    def expect(self, *media_types: str) -> None:
        """Check that the body is of one of the media types, in UTF-8 and not compressed.

        Raises
        ------
        UnsupportedMediaType
            If it is not.
        """
        charset = self.mimetype_params.get("charset", "utf-8").lower()
        encoding = self.headers.get("Content-Encoding", "identity").lower()
        if self.mimetype not in media_types or charset not in ("utf-8", "utf8") or encoding != "identity":
            raise UnsupportedMediaType(wanted=", ".join(media_types))

    def read_body(self, limit: int = JSON_LIMIT) -> None:
        """Read a body of JSON, which is small: at most `limit` bytes.

        Raises
        ------
        RequestEntityTooLarge
            If it is not.
        """
        # Of a body whose size is not said no more than this is read, without a word: so one byte more tells.
        self.max_content_length = limit if self.content_length is not None else limit + 1
        if self.content_length is not None and self.content_length > limit:
            raise RequestEntityTooLarge()
        if len(self.get_data()) > limit:
            raise RequestEntityTooLarge()

    def read_small_body(self) -> bool:
        """Read a body that is small, if its size was said; tell whether it was read."""
        is_small = self.content_length is not None and self.content_length <= SMALL
        if is_small:
            self.get_data()
        return is_small

    def must_accept(self, *offered: str) -> None:
        """Check that the client takes one of the media types offered.

        Raises
        ------
        NotAcceptable
            If it takes none of them.
        """
        if not self.accept_mimetypes.provided or self.accept_mimetypes.best_match(offered):
            return
        raise NotAcceptable(offered=", ".join(offered))
