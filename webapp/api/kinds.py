"""Every kind of problem that the API answers with."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of problem.

    Attributes:
        status: HTTP status of the answer.
        title: what it is, the same for every occurrence.
        meaning: when it happens and what a client does about it.
    """

    status: int
    title: str
    meaning: str


KINDS: Mapping[str, Kind] = {
    "unreadable_body": Kind(
        400,
        "Body cannot be read",
        "The body is missing, was cut off, or is not text in UTF-8.",
    ),
    "invalid_cursor": Kind(
        400,
        "Unknown cursor",
        "Take the cursor from the previous page's `next`, unchanged.",
    ),
    "invalid_idempotency_key": Kind(
        400,
        "Unusable Idempotency-Key",
        "A key has 1 to 200 visible ASCII characters.",
    ),
    "unauthenticated": Kind(
        401,
        "Sign in or send a token",
        "Send `Authorization: Bearer <token>` or a session cookie.",
    ),
    "token_unknown": Kind(
        401,
        "Unknown token",
        "The token does not exist; it was mistyped or deleted.",
    ),
    "token_expired": Kind(
        401,
        "Expired token",
        "Make a new token on the page Tokens or with `./edgeloom token create`.",
    ),
    "token_revoked": Kind(
        401,
        "Revoked token",
        "Someone revoked the token; make a new one.",
    ),
    "csrf_failed": Kind(
        403,
        "CSRF check failed",
        "With a session cookie every write needs the header X-CSRFToken.",
    ),
    "insufficient_scope": Kind(
        403,
        "The token may not do this",
        "Make a token that has the scope named in `detail`.",
    ),
    "insufficient_role": Kind(
        403,
        "Your role may not do this",
        "Ask an owner of the team for the role named in `detail`.",
    ),
    "not_found": Kind(
        404,
        "Not found",
        "There is no such thing here, or it belongs to a team that you are not in.",
    ),
    "method_not_allowed": Kind(
        405,
        "Method not allowed",
        "The header Allow lists what this address answers to.",
    ),
    "conflict": Kind(
        409,
        "Not possible in this state",
        "Look at the present state of the object and decide again.",
    ),
    "idempotency_conflict": Kind(
        409,
        "Idempotency-Key used before",
        "The key belongs to another request; use a new one.",
    ),
    "version_conflict": Kind(
        412,
        "Changed in between",
        "Someone else saved first: get the object again and redo the edit.",
    ),
    "too_large": Kind(
        413,
        "Body too large",
        "The limit stands in `detail`.",
    ),
    "unsupported_media_type": Kind(
        415,
        "Unsupported media type",
        "Send one of the content types named in `detail`.",
    ),
    "invalid_parameters": Kind(
        422,
        "Invalid parameters",
        "`errors` lists every wrong parameter or field with its path.",
    ),
    "invalid_spec": Kind(
        422,
        "Invalid specification",
        "`errors` lists every problem of the document with its path.",
    ),
    "invalid_upload": Kind(
        422,
        "The file cannot be used",
        "`errors` lists everything that is wrong with the file or its parts; nothing of it was kept.",
    ),
    "preview_failed": Kind(
        422,
        "This cannot be shown",
        "`detail` says why and `remedy` what to do, such as where to put a missing file.",
    ),
    "version_required": Kind(
        428,
        "If-Match is required",
        "Send the ETag that you edited as If-Match, or `*` to overwrite.",
    ),
    "too_many_requests": Kind(
        429,
        "Too many requests",
        "Wait for the seconds in the header Retry-After.",
    ),
    "internal_error": Kind(
        500,
        "Internal error",
        "Our fault; `detail` holds the number under which the log has it.",
    ),
}
"""Every kind of problem by its ``code``; the OpenAPI document and the reference page are made from it."""
