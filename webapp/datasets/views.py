"""Pages of data sets."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from engine.core.errors import Problem, SpecError
from engine.data.uploads import upload_kinds
from engine.specs.describe import describe
from engine.specs.families import FAMILIES
from engine.specs.writer import write
from webapp.datasets import builtin, receiving, services, usage
from webapp.datasets.models import Upload, UploadState
from webapp.library.services import VersionConflict
from webapp.previews import services as previews
from webapp.previews.parts import read_part
from webapp.previews.wanted import samples_of
from webapp.teams.access import at_least
from webapp.teams.models import Role
from webapp.teams.pages import member, team_of, user_of

WORDS = ("name", "license", "citation")
LICENSES = (
    "CC0-1.0",
    "CC-BY-4.0",
    "CC-BY-SA-4.0",
    "CC-BY-NC-4.0",
    "MIT",
    "Apache-2.0",
    "ODbL-1.0",
    "Internal use only",
)


@member()
@require_GET
def dataset_list(request: HttpRequest) -> HttpResponse:
    """The team's uploads, and the built-in sets."""
    uploads = Upload.objects.of(team_of(request)).select_related("created_by")[:500]
    return render(request, "datasets/dataset_list.html", _context(request, uploads=uploads, rows=builtin.built_in()))


@member()
@require_GET
def builtin_detail(request: HttpRequest, kind: str) -> HttpResponse:
    """A built-in set: samples, classes, and where its files come from."""
    row = next((row for row in builtin.built_in() if row.kind == kind), None)
    if row is None:
        raise Http404
    preview = previews.look(samples_of(row.dataset)) if row.is_here else None
    member_class = FAMILIES["datasets"].members()[kind]
    context = _context(request, row=row, preview=preview, about=describe(member_class), yaml=_yaml({"kind": kind}))
    context["api_path"] = f"catalogue/datasets/{kind}"
    return render(request, "datasets/builtin_detail.html", context)


@member()
@require_GET
def dataset_detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """An uploaded set: what was found in it, samples and classes; or where its upload stands."""
    upload = _upload(request, pk)
    context: dict[str, Any] = {"upload": upload}
    if upload.state == UploadState.READY:
        context["preview"] = previews.look(samples_of(read_part("dataset", upload.spec)))
        context |= {
            "yaml": _yaml(upload.spec),
            "api_path": f"datasets/{upload.pk}",
            "experiments": [one for one in usage.experiments_using(upload) if one.trashed_at is None][:20],
        }
    else:
        missing = len(receiving.missing_parts(upload))
        context |= {"num_parts": receiving.num_parts(upload), "num_there": receiving.num_parts(upload) - missing}
    return render(request, "datasets/dataset_detail.html", _context(request, **context))


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def dataset_create(request: HttpRequest) -> HttpResponse:
    """Upload a data set: in parts where scripts run, else in one piece by this form."""
    if request.method == "GET":
        return _form(request, {}, ())
    file = request.FILES.get("file")
    try:
        upload = _take(request, file)
    except SpecError as error:
        return _form(request, request.POST.dict(), error.problems)
    if upload.state == UploadState.READY:
        messages.success(request, f"{upload.name} is here and can be used.")
    return redirect("dataset-detail", pk=upload.pk)


@member(Role.EDITOR)
@require_POST
def dataset_complete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Ask how the look through an upload went; its page asks from time to time."""
    upload = _upload(request, pk)
    try:
        upload = services.complete(upload, user_of(request))
    except SpecError as error:
        return render(request, "datasets/_refused.html", {"problems": error.problems})
    response = render(request, "datasets/_checking.html", {"upload": upload})
    if upload.state == UploadState.READY:
        response["HX-Refresh"] = "true"
    return response


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def dataset_update(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Change name, license and citation."""
    upload = _upload(request, pk)
    if request.method == "GET":
        words = {"name": upload.name, "license": upload.license, "citation": upload.citation}
        return _words_form(request, upload, words, ())
    words = {name: request.POST.get(name, "") for name in WORDS}
    version = request.POST.get("version", "")
    expected = int(version) if version.isdecimal() and len(version) < 10 else None
    try:
        services.reword(upload, user_of(request), services.Words(**words), expected_version=expected)
    except SpecError as error:
        return _words_form(request, upload, words, error.problems, status=422)
    except VersionConflict:
        text = "somebody changed it since you opened it; open it again in another tab and repeat your change there"
        return _words_form(request, upload, words, (Problem("", "version_conflict", text),), status=409)
    messages.success(request, f"Saved what is said about {words['name'].strip()}.")
    return redirect("dataset-detail", pk=pk)


@member(Role.EDITOR)
@require_http_methods(["GET", "POST"])
def dataset_delete(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Put a data set into the trash, after a question; an upload that is none yet goes at once."""
    upload = _upload(request, pk)
    if request.method == "GET":
        experiments = [one for one in usage.experiments_using(upload) if one.trashed_at is None]
        context = {"upload": upload, "experiments": experiments, "tasks": usage.tasks_using(upload)}
        context["days"] = settings.TRASH_DAYS
        return render(request, "datasets/dataset_confirm_delete.html", _context(request, **context))
    services.discard(upload, user_of(request))
    is_kept = upload.state == UploadState.READY
    messages.success(request, f"{upload.name} is in the trash." if is_kept else f"Discarded the upload {upload.name}.")
    return redirect("dataset-list")


def _take(request: HttpRequest, file: "UploadedFile[bytes] | None") -> Upload:
    """Take in a form that brought the file in one piece."""
    if file is None:
        raise SpecError([Problem("file", "missing", "choose the file to upload")])
    words = {name: request.POST.get(name, "") for name in ("kind", *WORDS)}
    sha256 = receiving.checksum_of(file.chunks())
    wish = services.Announcement(sha256=sha256, size_bytes=file.size or 0, **words)
    upload = services.announce(team_of(request), user_of(request), wish)
    if upload.state == UploadState.RECEIVING:
        receiving.write_whole(upload, file.chunks())
        upload = services.complete(upload, user_of(request))
    return upload


def _form(request: HttpRequest, values: dict[str, Any], problems: Sequence[Problem]) -> HttpResponse:
    choices = [(kind, describe(FAMILIES["datasets"].members()[kind])) for kind in upload_kinds()]
    by_path = _by_path(problems, {"kind", *WORDS}, "file")
    context = _context(
        request,
        values=values,
        kinds=choices,
        problems=problems,
        by_path=by_path,
        licenses=LICENSES,
        limit=settings.UPLOAD_FILE_BYTES,
        form_limit=settings.UPLOAD_FORM_BYTES,
    )
    return render(request, "datasets/dataset_form.html", context, status=422 if problems else 200)


def _words_form(
    request: HttpRequest, upload: Upload, values: dict[str, str], problems: Sequence[Problem], *, status: int = 200
) -> HttpResponse:
    context = _context(request, upload=upload, values=values, problems=problems, licenses=LICENSES)
    context["by_path"] = _by_path(problems, set(WORDS), "")
    return render(request, "datasets/dataset_words.html", context, status=status)


def _by_path(problems: Sequence[Problem], fields: set[str], other: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for problem in problems:
        found.setdefault(problem.path if problem.path in fields else other, []).append(problem.message)
    return found


def _upload(request: HttpRequest, pk: UUID) -> Upload:
    return get_object_or_404(Upload.objects.visible_to(user_of(request)).select_related("created_by"), pk=pk)


def _yaml(spec: dict[str, str]) -> str:
    return write({"dataset": spec})


def _context(request: HttpRequest, **more: Any) -> dict[str, Any]:
    return {"may_edit": at_least(user_of(request), team_of(request), Role.EDITOR), **more}
