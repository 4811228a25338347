"""The picture of how long payments have been without an answer."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from audit import clock
from casework.charts import ageing as ages
from casework.desks.funds import unanswered
from casework.desks.funds.reach import demand_money, payments_in_reach
from funds.money import yuan


@login_required
@require_safe
def ageing(request: HttpRequest) -> HttpResponse:
    """Payments that the bank has not answered, or returned and nobody sent again, by working days since they went."""
    user = request.user
    demand_money(user)
    bands = unanswered.bands(clock.today())
    rows = payments_in_reach(user).filter(unanswered.OPEN)
    sums = {
        (row["band"], row["way"]): (row["n"], row["fen"])
        for row in rows.order_by()
        .annotate(band=unanswered.band_of(bands), way=unanswered.WAY)
        .values("band", "way")
        .annotate(n=Count("id"), fen=Sum("amount_fen"))
    }
    drawn = [
        ages.Band(
            band.title,
            tuple(_part(band, way, label, *sums.get((number, way), (0, 0))) for way, label in unanswered.WAYS.items()),
        )
        for number, band in enumerate(bands)
    ]
    return render(
        request,
        "funds/ageing.html",
        {
            "count": sum(band.count for band in drawn),
            "total_fen": sum(band.fen for band in drawn),
            "in_calendar_days": not bands[0].in_working_days,
            "ageing": {
                "key": "ageing",
                "title": _("还没有对上的付款，等了多久"),
                "rows": ages.lay_out(drawn),
                "kinds": [{"label": label, "look": way} for way, label in unanswered.WAYS.items()],
            },
        },
    )


def _part(band: unanswered.Band, way: str, label: Any, count: int, fen: int) -> ages.Part:
    title = ngettext("%(band)s，%(label)s：%(n)d 笔，%(fen)s 元", "%(band)s，%(label)s：%(n)d 笔，%(fen)s 元", count)
    url = f"{reverse('funds:payments')}?{band.query(way)}"
    return ages.Part(
        fen, count, url, title % {"band": band.title, "label": label, "n": count, "fen": yuan(fen)}, str(label), way
    )
