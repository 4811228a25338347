"""The living style guide: every component, drawn by the very tags and partials that the desks use."""

import datetime
from types import SimpleNamespace
from typing import Any

from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from audit import clock
from casework.fields import AnswerCards, DayField, MoneyField, PhotoField, TickCards
from casework.icons import ICONS
from casework.menu import Item, Seat
from casework.views.style_pictures import pictures

STATES = (
    ("lead", _("线索")),
    ("triaged", _("已分办")),
    ("draft", _("调查中")),
    ("registered", _("已登记")),
    ("village_review", _("村民评议")),
    ("village_notice", _("公示中")),
    ("township_review", _("乡镇审核")),
    ("approved", _("已批准")),
    ("county_review", _("县级审核")),
    ("confirmed", _("县级已确认")),
    ("second_notice", _("二次公示")),
    ("fund_reserved", _("资金已锁定")),
    ("in_payment", _("拨付中")),
    ("paid", _("已到账")),
    ("follow_up", _("回访中")),
    ("exit_review", _("退出复核")),
    ("exit_notice", _("退出公示")),
    ("closed", _("已结案")),
    ("returned", _("退回补正")),
    ("objection", _("异议核实")),
    ("refused", _("不予批准")),
    ("appeal", _("申诉中")),
    ("suspended", _("已暂停")),
    ("withdrawn", _("已撤回")),
    ("transferred", _("已转出")),
    ("recovery", _("追回中")),
    ("cancelled", _("已取消")),
    ("emergency_released", _("先行救助")),
    ("makeup", _("补办手续")),
)


class SampleForm(forms.Form):
    name = forms.CharField(label=_("户主姓名"))
    id_number = forms.CharField(label=_("身份证号"), help_text=_("18 位，最后一位可以是 X"), min_length=18)
    medical = MoneyField(label=_("一年看病自己掏的钱"), help_text=_("不算报销的。不知道就空着。"), required=False)
    visited = DayField(label=_("哪天去的"), latest=clock.today)
    group = forms.ChoiceField(label=_("所在组"), choices=[("3", _("三组")), ("4", _("四组"))])
    words = forms.CharField(label=_("他们自己怎么说？"), widget=forms.Textarea(attrs={"rows": 2}), required=False)
    ill = forms.ChoiceField(
        label=_("家里有人生病吗？"),
        choices=[
            ("serious", _("有，大病")),
            ("chronic", _("有，慢性病")),
            ("none", _("没有")),
            ("unclear", _("说不清")),
        ],
        widget=AnswerCards(
            hints={
                "serious": _("住过院，或要长期治"),
                "chronic": _("长期吃药"),
                "unclear": _("先选这个，乡里会帮着问"),
            }
        ),
    )
    why = forms.MultipleChoiceField(
        label=_("可以选几个"),
        choices=[("disaster", _("遭了灾")), ("school", _("上学花钱多"))],
        widget=TickCards(look="two"),
    )
    decision = forms.ChoiceField(
        label=_("你的决定"),
        choices=[
            ("approve", _("同意")),
            ("return", _("退回")),
            ("refuse", _("不予批准")),
            ("hand_over", _("转交")),
        ],
        widget=AnswerCards(look="kinds"),
    )
    consent = forms.BooleanField(label=_("家里人同意公示"), help_text=_("已经当面念过"))
    house = PhotoField(label=_("房屋正面"))
    records = PhotoField(label=_("病历"), required=False)
    statement = forms.FileField(
        label=_("银行回单"), help_text=_("银行给的 .xlsx 或 .csv 文件，原样上传"), required=False
    )


GIVEN = {
    "name": "江正伯",
    "id_number": "999999********1733",
    "medical": 1_490_000,
    "group": "3",
    "ill": "serious",
    "why": ["disaster"],
    "decision": "approve",
}
WRONG = {
    "name": "",
    "id_number": "999999********173",
    "medical": "一万多",
    "visited_year": "2026",
    "visited_month": "2",
}


@require_safe
def guide(request: HttpRequest) -> HttpResponse:
    _only_where_shown()
    today = clock.today()
    return render(
        request, "style/guide.html", _samples(today) | pictures(today) | {"icons": sorted(ICONS), "states": STATES}
    )


FRAMES = ("phone", "desk", "desk3", "public", "form", "400", "403", "403_csrf", "404", "500", "locked")


@require_http_methods(["GET", "HEAD", "POST"])
def frame(request: HttpRequest, frame: str) -> HttpResponse:
    """One page of each base template, with sample data, and the pages of things that went wrong."""
    _only_where_shown()
    if frame not in FRAMES:
        raise Http404
    if frame == "locked":
        return render(request, "access/locked.html", {"username": "13800000001"})
    if frame[0].isdigit():
        return render(request, f"{frame}.html", {"exception": _("这一件是你入户调查的，按规定要由别人审批。")})
    menu = _phone_menu() if frame in ("phone", "form") else _desk_menu()
    seat = Seat(_("云坞村"), _("村级专干")) if frame in ("phone", "form") else Seat(_("青禾乡"), _("乡镇审批"))
    person = SimpleNamespace(
        name="周文秀" if frame == "phone" else "秦岚", username="13800000001", is_authenticated=True
    )
    sample = _samples(clock.today()) | {"menu": menu, "post": seat, "user": person, "search_url": "/style/desk/"}
    if frame == "form":
        sample["form"] = SampleForm(WRONG, {}) if request.method == "POST" else SampleForm(initial=GIVEN)
    return render(request, f"style/{frame}.html", sample)


def _only_where_shown() -> None:
    if not (settings.DEBUG or settings.DEMO):
        raise Http404


def _phone_menu() -> list[Item]:
    return [
        Item("/style/phone/", _("首页"), "house", 0, True),
        Item("/style/form/", _("待办"), "tick-list", 6, False),
        Item("/style/form/", _("登记"), "pen", 0, False),
        Item("/preferences/", _("我的"), "person", 0, False),
    ]


def _desk_menu() -> list[Item]:
    return [
        Item("/style/desk3/", _("审核"), "check", 23, True),
        Item("/style/desk/", _("公示"), "megaphone", 14, False),
        Item("/style/desk/", _("回访"), "clock", 0, False),
        Item("/style/desk/", _("查找"), "search", 0, False),
        Item("/style/desk/", _("报表"), "chart", 0, False),
    ]


def _samples(today: datetime.date) -> dict[str, Any]:
    days = datetime.timedelta
    return {
        "form": SampleForm(initial=GIVEN | {"visited": today}),
        "wrong": SampleForm(WRONG, {}, auto_id="wrong_%s"),
        "turn": {
            "state": "in_payment",
            "state_label": _("拨付中"),
            "title": _("房子修好了，等验收"),
            "text": _("第 2 笔钱已到账。验收合格，付第 3 笔。"),
            "who": _("你"),
            "who_note": _("云坞村 周文秀"),
            "due": today + days(2),
            "due_note": _("还剩 2 个工作日"),
            "due_tone": "soon",
            "do": {
                "title": _("拍完工照片，约乡里验收"),
                "text": _("要拍：屋顶、东墙、屋里。"),
                "url": "#photos",
                "label": _("去拍照"),
                "icon": "camera",
            },
        },
        "not_my_turn": {
            "state": "township_review",
            "state_label": _("乡镇审核"),
            "title": _("材料在乡里，等审核"),
            "text": _("不轮到你时没有绿块。"),
            "who": _("乡里 秦岚"),
            "who_note": _("你这里没有要做的"),
            "due": today + days(6),
            "due_note": _("还剩 4 个工作日"),
        },
        "events": [
            {"title": _("付第 3 笔"), "when": _("验收合格后 5 个工作日内"), "tone": "next"},
            {"title": _("等验收"), "when": _("轮到你。最晚 4月17日"), "tone": "now"},
            {
                "title": _("退回过一次，已补好"),
                "when": _("3月18日"),
                "who": "林月平",
                "quote": _("「屋顶照片看不清裂口，请站远一点再拍一张。」"),
                "tone": "stop",
            },
            {"title": _("公示 7 天，没有异议"), "when": _("3月10日到3月16日")},
            {"title": _("入户调查"), "when": _("3月5日"), "who": "周文秀"},
        ],
        "steps": [
            {"label": _("入户调查"), "note": _("3月24日")},
            {"label": _("登记"), "note": _("3月25日")},
            {"label": _("村民评议"), "note": _("3月27日")},
            {"label": _("公示"), "note": _("7 天")},
            {"label": _("乡镇审核"), "note": _("退回 1 次"), "state": "now"},
            {"label": _("县级确认"), "note": _("5 天内"), "state": "next"},
            {"label": _("拨付"), "state": "next"},
            {"label": _("回访"), "state": "next"},
        ],
        "facts": [
            {"label": _("户主"), "value": "江正伯", "url": "#change", "action": _("更改")},
            {"label": _("人口"), "value": _("2 人"), "url": "#change", "action": _("更改")},
            {
                "label": _("身份证"),
                "value": "999999********1733",
                "url": "#unmask",
                "action": _("看全号"),
                "number": True,
            },
        ],
        "cells": [
            {
                "url": "#returned",
                "icon": "return",
                "title": _("退回给我"),
                "pill": _("超期 1 天"),
                "tone": "act",
                "text": _("王雄松家，照片不清楚"),
                "number": 2,
                "unit": _("件"),
            },
            {
                "url": "#visits",
                "icon": "clock",
                "title": _("到期回访"),
                "pill": _("明天到期"),
                "tone": "soon",
                "text": _("刘秀华家，满 30 天"),
                "number": 3,
                "unit": _("户"),
            },
            {
                "url": "#sent",
                "icon": "upload",
                "title": _("待上传"),
                "text": _("存在这部手机里，09:12"),
                "number": 1,
                "unit": _("份"),
            },
        ],
        "families": [
            {
                "url": "#1",
                "title": "江正伯",
                "about": _("三组"),
                "text": _("危房修缮，等你约验收"),
                "state": "in_payment",
                "state_label": _("拨付中"),
            },
            {
                "url": "#2",
                "title": "宋卫树",
                "about": _("一组"),
                "text": _("大病救助，在乡里"),
                "state": "township_review",
                "state_label": _("乡镇审核"),
            },
            {
                "url": "#3",
                "title": "赵红晓",
                "about": _("一组"),
                "text": _("今年的事都办完了"),
                "state": "closed",
                "state_label": _("已结案"),
            },
        ],
        "rows": [
            {
                "name": "江正伯",
                "group": _("三组"),
                "matter": _("危房修缮"),
                "fen": 1_860_000,
                "state": "in_payment",
                "label": _("拨付中"),
            },
            {
                "name": "宋卫树",
                "group": _("一组"),
                "matter": _("大病救助"),
                "fen": 1_490_000,
                "state": "township_review",
                "label": _("乡镇审核"),
            },
            {
                "name": "王雄松",
                "group": _("二组"),
                "matter": _("临时救助"),
                "fen": 150_000,
                "state": "returned",
                "label": _("退回补正"),
            },
        ],
        "total_fen": 3_500_000,
        "page": Paginator(range(424), 20).page(2),
        "fund": {
            "name": _("乡帮扶专项资金"),
            "note": _("各类帮扶"),
            "total_fen": 120_000_000,
            "committed_fen": 38_640_000,
            "paid_fen": 35_550_000,
            "available_fen": 45_810_000,
        },
        "job": {
            "title": _("正在导入困难户台账"),
            "done": 312,
            "total": 426,
            "unit": _("户"),
            "note": _("大约还要 20 秒。"),
            "cancel_url": "/style/form/",
        },
        "job_done": {
            "title": _("导入完成，23 户要改"),
            "done": 426,
            "total": 426,
            "unit": _("户"),
            "note": _("401 户已导入。23 户有错，没有导入，原表不动。"),
            "is_finished": True,
            "result_url": "#faults",
            "result_label": _("看 23 户"),
        },
        "changes": [
            {
                "label": _("自付医疗费"),
                "before": "38,400",
                "after": "34,800",
                "by": "周文秀",
                "reason": _("结算单核对后改正"),
            },
            {"label": _("申请金额"), "before": "16,700", "after": "14,900", "by": _("按公式重算")},
            {"label": _("调查人二"), "before": None, "after": "何守田", "by": "周文秀"},
        ],
        "chips": [
            {"label": _("云坞村"), "url": "#1", "on": True, "removes": True},
            {"label": _("超期"), "url": "#2", "on": True, "removes": True},
            {"label": _("快到期"), "url": "#3", "count": 5},
            {"label": _("未到期"), "url": "#4", "count": 1301},
        ],
        "photos": [
            {"title": _("费用结算单"), "note": _("3 张，新交"), "icon": "document"},
            {"title": _("公示照片"), "note": _("2 张"), "icon": "megaphone"},
            {"title": _("房屋正面"), "note": _("1 张"), "icon": "house"},
        ],
        "queue": [
            {
                "title": _("严重超期"),
                "tone": "act",
                "items": [
                    {
                        "url": "#1",
                        "title": "余国成",
                        "place": _("石笋坪村"),
                        "figure": "2,400",
                        "text": _("临时救助，退回过 2 次"),
                        "due": _("超期 6 个工作日"),
                        "due_tone": "bad",
                    },
                ],
            },
            {
                "title": _("快到期"),
                "tone": "soon",
                "items": [
                    {
                        "url": "#2",
                        "title": "宋卫树",
                        "place": _("云坞村"),
                        "figure": "14,900",
                        "text": _("大病救助，退回后重报"),
                        "due": _("今天到期"),
                        "due_tone": "soon",
                        "current": True,
                    },
                    {
                        "url": "#3",
                        "title": "叶俊伟",
                        "place": _("磨盘岗村"),
                        "figure": "1,500",
                        "text": _("临时救助"),
                        "due": _("明天到期"),
                        "due_tone": "soon",
                    },
                ],
            },
        ],
        "crumbs": [
            {"label": _("追查"), "url": "#trace"},
            {"label": "QH202603A00002", "url": "#flow"},
            {"label": _("一笔钱的来路")},
        ],
        "deadlines": [
            {"on": today - days(8), "left": -6},
            {"on": today - days(1), "left": -1},
            {"on": today, "left": 0},
            {"on": today + days(1), "left": 1},
            {"on": today + days(6), "left": 4},
            {"on": None, "left": None},
        ],
        "far_day": datetime.date(today.year - 1, 9, 18),
        "now": datetime.datetime(today.year, 4, 15, 1, 12, tzinfo=datetime.UTC),
        "looks": [(_("标准版"), "", ""), (_("关怀版"), "large", ""), (_("高对比"), "", "high")],
        "help_lines": [
            _("先看左边，挑一件。"),
            _("看完材料，在右边选一个决定。"),
            _("拿不准的，退回时写清楚要补什么。"),
        ],
    }
