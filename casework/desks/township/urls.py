"""The township's and the county's pages: one set of views, two addresses."""

from collections.abc import Callable
from typing import Any

from django.urls import path

from casework.desks.township import parts, views
from casework.desks.township.office import COUNTY, TOWNSHIP, Office, at
from casework.desks.township.review import review


def _page(office: Office, route: str, view: Callable[..., Any], name: str) -> Any:
    return path(route, at(office)(view), name=name)


def _both(office: Office) -> list[Any]:
    return [
        _page(office, "", views.queue, "queue"),
        _page(office, "review/<int:case_id>/", review, "review"),
        _page(office, "overdue/", views.overdue, "overdue"),
        _page(office, "releases/", views.releases, "releases"),
        _page(office, "recusals/", views.recusals, "recusals"),
        _page(office, "find/", views.find, "find"),
    ]


township_urls = (
    [
        *_both(TOWNSHIP),
        _page(TOWNSHIP, "releases/<int:case_id>/", views.release, "release"),
        _page(TOWNSHIP, "objections/", views.objections, "objections"),
        _page(TOWNSHIP, "parts/", parts.parts, "parts"),
        _page(TOWNSHIP, "batch/", views.batch, "batch"),
    ],
    "township",
)

county_urls = (
    [
        *_both(COUNTY),
        _page(COUNTY, "appeals/", views.appeals, "appeals"),
        _page(COUNTY, "filed/", views.filed, "filed"),
    ],
    "county",
)
