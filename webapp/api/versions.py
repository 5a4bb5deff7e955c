"""ETag and If-Match: nobody overwrites what someone else saved in between."""

from webapp.api.gate import Request
from webapp.api.problems import ApiProblem


def etag_of(version: int) -> str:
    """The entity tag of that version of an object."""
    return f'"{version}"'


def expected_version(request: Request, present: int, *, required: bool) -> int | None:
    """The version that the client edited, from If-Match; None if it takes any (``*``, or no header).

    Args:
        request: the edit.
        present: the version that is stored now.
        required: whether a missing header is refused.

    Raises:
        ApiProblem: the header is missing, or names another version than the present one.
    """
    header = request.headers.get("If-Match")
    if header is None:
        if required:
            detail = f"Send If-Match with the ETag that you edited; the present one is {etag_of(present)}."
            raise ApiProblem("version_required", detail)
        return None
    tags = [tag.strip() for tag in header.split(",")]
    if "*" in tags:
        return None
    if etag_of(present) not in tags:
        raise stale(present, header)
    return present


def stale(present: int, given: str) -> ApiProblem:
    """The object was saved in between."""
    detail = f"The object is at {etag_of(present)} now; the edit was made on {given}."
    return ApiProblem("version_conflict", detail, headers={"ETag": etag_of(present)})


def is_known(request: Request, etag: str) -> bool:
    """Whether the client has this version already (If-None-Match)."""
    header = request.headers.get("If-None-Match")
    return header is not None and (header.strip() == "*" or etag in [tag.strip() for tag in header.split(",")])
