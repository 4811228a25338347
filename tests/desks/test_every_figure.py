"""Every figure of the fund desk opens the rows that it is made of, and they add up to it; what is no link says why."""

import datetime
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client
from django.urls import resolve, reverse

from audit import clock
from casework import payments
from casework.desks.funds.statement_scope import choices
from funds import budget, recoveries
from funds import services as funds
from funds.models import Allocation, Fund, ImprestFloat, Payment, Recovery
from tests.desks.test_money_pictures import busy
from tests.desks.test_paying import asked_back
from tests.funds.books import close
from tests.funds.floats import a_float, decided, handed_out
from tests.funds.shelves import a_store, an_item, issued, stocked
from tests.world import World

MAY = datetime.date(2026, 5, 6)
AMOUNT = re.compile(r"^[+−-]?[\d,]+(?:\.\d\d)?$")


# ---------------------------------------------------------------- reading a page


@dataclass
class Cell:
    """A cell of a table or of a list of facts: its label, its text, where its first link leads."""

    label: str
    in_head_or_foot: bool
    text: str = ""
    url: str = ""


@dataclass
class Page(HTMLParser):
    """The cells with figures of a page, and the marks of its pictures."""

    cells: list[Cell] = field(default_factory=list)
    marks: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.cell: Cell | None = None
        self.part = self.term = self.link = self.title = ""
        self.inside = ""
        self.is_aside = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        given = dict(attrs)
        classes = (given.get("class") or "").split()
        if tag in ("thead", "tbody", "tfoot"):
            self.part = tag
        elif tag == "dt":
            self.term, self.inside = "", "dt"
        elif tag in ("td", "dd"):
            is_figure = "n" in classes or "num" in classes
            label = given.get("data-th") or self.term if tag == "td" else self.term
            self.cell = Cell(label, tag == "td" and self.part != "tbody") if is_figure else None
        elif tag == "a":
            self.link = given.get("href") or ""
            if self.cell is not None and not self.cell.url:
                self.cell.url = self.link
        elif tag == "title" and self.link:
            self.inside, self.title = "title", ""
        elif tag == "span" and self.cell is not None and (self.is_aside or {"muted", "sr", "hint"} & set(classes)):
            self.is_aside += 1

    def handle_data(self, data: str) -> None:
        if self.inside == "dt":
            self.term += data.strip()
        elif self.inside == "title":
            self.title += data
        elif self.cell is not None and not self.is_aside:
            self.cell.text += data.strip()

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self.link = ""
        elif tag == "dt":
            self.inside = ""
        elif tag == "title" and self.inside == "title":
            self.marks.append((self.link, self.title))
            self.inside = ""
        elif tag == "span" and self.is_aside:
            self.is_aside -= 1
        elif tag in ("td", "dd") and self.cell is not None:
            if AMOUNT.match(self.cell.text):
                self.cells.append(self.cell)
            self.cell = None


def read(client: Client, url: str) -> tuple[Page, Any]:
    """What a page shows, and what it was made of."""
    answer = client.get(url)
    assert answer.status_code == 200, url
    page = Page()
    page.feed(answer.content.decode())
    return page, answer


def fen(text: str) -> int:
    digits = text.replace(",", "").replace("−", "-").replace("+", "")
    yuan, _point, cents = digits.lstrip("-").partition(".")
    return (int(yuan) * 100 + int(cents or 0)) * (-1 if digits.startswith("-") else 1)


def linked(page: Page) -> Iterator[tuple[str, int, str]]:
    """(address, figure, label) of every figure that is a link: a mark tells its sum in its title."""
    for cell in page.cells:
        if cell.url and cell.label != "年":
            yield cell.url, fen(cell.text), cell.label
    for url, title in page.marks:
        amount = re.search(r"([\d,]+(?:\.\d\d)?) 元", title)
        yield url, fen(amount[1]), title


# ---------------------------------------------------------------- the rows behind a figure


ROWS = ("金额（元）", "价值（元）")  # how the lists head the column of their sums
LISTS = {"funds:entries", "funds:figure", "funds:statement_rows", "funds:payments", "stock:moves"}


def rows_of(client: Client, url: str) -> list[int]:
    """What each row of a list says, over all the pages of its pager."""
    page, answer = read(client, url)
    pages = [page]
    for number in range(2, answer.context["page"].paginator.num_pages + 1):
        pages.append(read(client, f"{url}{'&' if '?' in url else '?'}page={number}")[0])
    found = [cell for page in pages for cell in page.cells if cell.label in ROWS and not cell.in_head_or_foot]
    return [fen(cell.text) for cell in found]


def is_what_it_opens(client: Client, url: str, figure: int, label: str) -> bool:
    """A list adds up to it, or has so many rows; any other page shows the very figure again."""
    where = urlsplit(url)
    if resolve(where.path).view_name in LISTS:
        rows = rows_of(client, url)
        return len(rows) * 100 == figure if label == "笔数" else abs(sum(rows)) == abs(figure)
    page, answer = read(client, url)
    if label == "笔数":
        return f"{figure // 100} 笔账" in answer.text
    return any(fen(cell.text) == figure for cell in page.cells)


# ---------------------------------------------------------------- the walk


ADDS_UP = "a sum of the rows of this very page, each of which is a link or leads to its case"
OF_A_ROW = "a row of a list: the rows that figures lead to; its case, batch or float is linked in the same row"
AS_DRAWN = "the table says again what the marks of the picture say, which are links"
GOODS_AT_REST = ("借出减归还（元）", "盘盈减盘亏（元）", "调入减调出（元）")
SAID = "not a sum of entries: what somebody decided, planned or counted"
UNLINKED: dict[tuple[str, str], str] = {
    **{("funds:home", label): "the pages of the funds have them as links" for label in ("总额", "已承诺", "已拨付")},
    ("funds:home", "已承诺，未付"): ADDS_UP,
    ("funds:home", "笔数"): OF_A_ROW,
    ("funds:home", "金额（元）"): OF_A_ROW,
    **{("funds:budget", label): ADDS_UP for label in ("合计", "预算", "计划到本月", "已付", "已承诺，未付")},
    **{("funds:allocation", label): SAID for label in ("计划", "计划累计", "计划到本月")},
    ("funds:fund", "合计"): ADDS_UP,
    **{
        ("funds:fund", f"记后{label}"): "how the fund stood just after the entry"
        for label in ("可用", "已承诺", "已拨付")
    },
    ("funds:fund", "金额（元）"): OF_A_ROW,
    **{(f"funds:{name}", "金额（元）"): OF_A_ROW for name in ("payments", "batches", "recover")},
    ("funds:batches", "笔数"): OF_A_ROW,
    ("funds:batches", "合计"): ADDS_UP,
    **{("funds:recoveries", f"{label}（元）"): OF_A_ROW for label in ("要追回", "已追回", "核销", "还欠")},
    ("funds:recoveries", "合计"): ADDS_UP,
    ("funds:recover", "没还（元）"): SAID,
    **{("funds:imprest", label): OF_A_ROW for label in ("手里应有", "已发，等手续", "等银行补充")},
    ("funds:imprest", "定额"): SAID,
    **{("funds:float", label): ADDS_UP for label in ("拨来的", "已发，等手续", "等银行补充")},
    ("funds:float", "定额"): SAID,
    ("funds:float", "金额（元）"): OF_A_ROW,
    ("funds:imprest", "合计"): ADDS_UP,
    ("funds:month", "合计"): ADDS_UP,
    ("funds:statement", "笔数"): ADDS_UP,
    ("funds:statement", "金额（元）"): ADDS_UP,
    ("funds:flow", "合计"): ADDS_UP,
    **{("funds:pace", label): SAID for label in ("计划到月底", "计划到本月")},
    **{("funds:pace", label): ADDS_UP for label in ("承诺累计", "拨付累计")},
    ("funds:ageing", "笔数"): AS_DRAWN,
    ("funds:ageing", "金额（元）"): AS_DRAWN,
    ("stock:report", "合计"): ADDS_UP,
    ("stock:report", "领用单"): "how many slips; what they gave out is a link beside it",
    **{("stock:report", label): "nothing: a nought has no rows" for label in GOODS_AT_REST},
}


@pytest.fixture
def county(world: World) -> World:
    """The busy year; money divided further, in a township's hands, owed and written off; goods; April closed."""
    handed_out(world, a_float(world), decided(world, 60_000))
    busy(world)
    gift = Fund.objects.get(code="GIFT")
    whole = funds.allocate(gift, 2_000_000, programme="", unit=world.county, year=2026, key="whole", document_no="文 6")
    budget.divide(whole, 1_200_000, programme="elderly_support", unit=world.township, key="divide", document_no="文 7")
    owed = Recovery.objects.get(subject=asked_back(world).subject)
    days = [(datetime.date(2026, 5, day), 50_000) for day in (1, 11, 21)]
    recoveries.agree(owed.pk, days, by=world.fund_manager, reason="商定")
    recoveries.record(owed.pk, 60_000, key="came", document_no="SJ-1")
    item = an_item(world)
    store = a_store(world)
    stocked(world, store, item, 20)
    issued(world, store, item, 3)
    with clock.frozen_at(MAY):
        lost = Payment.objects.get(state="unknown")
        payments.record_answers([payments.Answer(lost.pk, True)], by=world.cashier, key="found")
        close(world, 2026, 4)
    return world


def pages_of(world: World) -> list[str]:
    """Every page of the fund desk that shows figures."""
    unit = world.county.pk
    found = [reverse(f"funds:{name}") for name in ("home", "budget", "periods", "flow", "pace", "ageing")]
    found += [reverse(f"funds:{name}") for name in ("payments", "batches", "recoveries", "imprest")]
    found += [f"{reverse('funds:flow')}?by=township", reverse("stock:report")]
    found += [reverse("funds:fund", args=[fund.pk]) for fund in Fund.objects.all()]
    found += [reverse("funds:allocation", args=[allocation.pk]) for allocation in Allocation.objects.all()]
    found += [
        f"{reverse('funds:statement')}?of={of}" for _group, items in choices(world.fund_manager) for of, _n in items
    ]
    found += [reverse("funds:month", args=[unit, 2026, 4]), reverse("funds:month", args=[unit, 2026, 5])]
    found += [reverse("funds:float", args=[box.pk]) for box in ImprestFloat.objects.all()]
    found += [reverse("funds:year", args=[unit, 2026])]
    found += [reverse("funds:recover", args=[int(row.subject.partition(":")[2])]) for row in Recovery.objects.all()]
    return found


def test_every_figure_opens_the_rows_that_it_is_the_sum_of(county: World) -> None:
    client = Client()
    client.force_login(county.fund_manager, backend="django.contrib.auth.backends.ModelBackend")
    wrong, opened, unlinked = [], set(), set()
    with clock.frozen_at(MAY):
        for url in pages_of(county):
            page, name = read(client, url)[0], resolve(urlsplit(url).path).view_name
            unlinked |= {(name, "合计" if cell.in_head_or_foot else cell.label) for cell in page.cells if not cell.url}
            for there, figure, label in linked(page):
                there = there if there.startswith("/") else f"{urlsplit(url).path}{there}"
                if (there, figure, label) not in opened:
                    opened.add((there, figure, label))
                    if not is_what_it_opens(client, there, figure, label):
                        wrong.append((url, label, figure, there))

    assert wrong == []
    assert len(opened) > 150
    assert unlinked == set(UNLINKED)
