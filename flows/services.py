"""Writing, publishing and finding programme versions."""

import datetime
from functools import lru_cache
from typing import Any

from django.db import models, transaction
from django.utils.translation import gettext as _

from audit import clock
from flows.errors import BadVersion
from flows.models import ProgrammeVersion
from flows.ruled import RULED, parameters_of


@transaction.atomic
def draft_version(
    programme: str, parameters: dict[str, Any], *, valid_from: datetime.date, by: Any, basis: str = ""
) -> ProgrammeVersion:
    """Write down a new version; it has no effect until somebody else publishes it.

    Raises BadParameters when the rules contradict themselves or name what the programme does not have.
    """
    rules = parameters_of(programme).from_json(parameters)
    rules.check_against(RULED[programme])
    last = ProgrammeVersion.objects.filter(programme=programme).aggregate(n=models.Max("number"))["n"] or 0
    return ProgrammeVersion.objects.create(
        programme=programme,
        number=last + 1,
        valid_from=valid_from,
        parameters=rules.to_json(),
        basis=basis,
        author=by,
        author_person_key=by.person_key,
    )


@transaction.atomic
def publish_version(version_id: int, *, by: Any) -> ProgrammeVersion:
    """Put a version in force from its date. Raises BadVersion: by its author, twice, or into the past."""
    version = ProgrammeVersion.objects.select_for_update().get(pk=version_id)
    if version.published_on:
        raise BadVersion(_("这一版已经发布过了。"))
    if version.author_person_key == by.person_key:
        raise BadVersion(_("起草人不能发布自己起草的规则，请另一位管理员发布。"))
    if (
        version.valid_from < clock.today()
        and ProgrammeVersion.objects.filter(programme=version.programme, published_on__isnull=False).exists()
    ):
        raise BadVersion(_("生效日期已经过去，请改成今天或以后。"))
    if ProgrammeVersion.objects.filter(
        programme=version.programme, valid_from=version.valid_from, published_on__isnull=False
    ).exists():
        raise BadVersion(_("这一天已经有一版规则生效了，请换一个生效日期。"))
    version.publisher, version.publisher_person_key, version.published_on = by, by.person_key, clock.today()
    version.save()
    forget()
    return version


def version_in_force(programme: str, on: datetime.date) -> ProgrammeVersion:
    """The published version that governs cases or lists begun on a date. Raises BadVersion when there is none."""
    version = (
        ProgrammeVersion.objects.filter(programme=programme, published_on__isnull=False, valid_from__lte=on)
        .order_by("-valid_from", "-number")
        .first()
    )
    if version is None:
        raise BadVersion(
            _("%(programme)s 还没有发布办理规则，请管理员先发布。") % {"programme": RULED[programme].title}
        )
    return version


@lru_cache(maxsize=256)
def version(version_id: int) -> ProgrammeVersion:
    """A published version by its key; published versions never change, so they are kept in memory."""
    return ProgrammeVersion.objects.get(pk=version_id)


def forget() -> None:
    version.cache_clear()
