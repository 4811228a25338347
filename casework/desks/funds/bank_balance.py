"""The unit's accounts at banks, and the sheet that brings the bank's balance together with the books."""

import datetime
import hashlib
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from access.models import OrgUnit
from access.roles import Ability
from audit import clock
from casework.desks.funds.forms import KeyedForm
from casework.desks.funds.reach import demand, demand_at, funds_in_reach, holds, holds_at, posts_for, why_not
from casework.errors import REFUSALS
from casework.fields import DayField, MoneyField, sometimes_required
from casework.reach import units_in, visible
from funds import bank_balance
from funds.models import DepositAccount, Fund, OpenItem, Reconciliation, StatedBalance
from funds.money import TOO_MUCH_FEN
from funds.refusals import in_plain_words

PAGE = 25
MANUAL = 3  # empty lines offered for what the entries do not tell
MOST_BYTES = 30 * 1024 * 1024
TONES = {"prepared": "soon", "reviewed": "ok", "refused": "act", "replaced": "end"}


def accounts_in_reach(user: Any) -> QuerySet[DepositAccount]:
    condition = units_in(user, Ability.FUND_VIEW, "unit__")
    return DepositAccount.objects.filter(condition) if condition is not None else DepositAccount.objects.none()


class AccountForm(KeyedForm):
    unit = forms.ModelChoiceField(OrgUnit.objects.none(), label=_l("哪个单位的"), empty_label=None)
    name = forms.CharField(label=_l("户名"), max_length=60, help_text=_l("照开户许可写，例如：禾源县帮扶资金专户。"))
    bank = forms.CharField(label=_l("开户行"), max_length=60)
    account_no = forms.RegexField(
        r"^[0-9]{8,32}$",
        label=_l("账号"),
        help_text=_l("只在这里填一次，以后只显示最后四位。"),
        error_messages={"invalid": _l("账号只有数字，8 到 32 位。")},
    )
    opened_on = DayField(label=_l("哪天开的户"), latest=clock.today)

    def __init__(self, *args: Any, units: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["unit"].queryset = units


class PlaceForm(KeyedForm):
    fund = forms.ModelChoiceField(Fund.objects.none(), label=_l("哪项资金"), empty_label=None)
    since = DayField(label=_l("从哪天起放在这里"), latest=clock.today)

    def __init__(self, *args: Any, funds: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["fund"].queryset = funds


class BalanceForm(KeyedForm):
    on = DayField(label=_l("哪天的余额"), latest=clock.today)
    balance_fen = MoneyField(label=_l("银行对账单上的余额"), min_fen=0, max_fen=TOO_MUCH_FEN - 1)
    reference = forms.CharField(
        label=_l("对账单号"), max_length=60, help_text=_l("第几号、第几页，别人拿着它能找到那张纸。")
    )
    file = forms.FileField(
        label=_l("对账单文件"), required=False, help_text=_l("只算出它的指纹，用来证明是哪一份；文件本身不留。")
    )

    def clean_file(self) -> str:
        file = self.cleaned_data["file"]
        if not file:
            return ""
        if file.size > MOST_BYTES:
            raise ValidationError(_("文件超过 30 MB，请换一份小的。"))
        digest = hashlib.sha256()
        for chunk in file.chunks():
            digest.update(chunk)
        return digest.hexdigest()


class ManualForm(forms.Form):
    """One line that a person writes down. Left empty it is no line."""

    side = forms.ChoiceField(label=_l("哪一边"), choices=OpenItem.Side.choices, widget=forms.Select)
    name = sometimes_required(forms.CharField(label=_l("是什么"), max_length=80))
    amount_fen = sometimes_required(MoneyField(label=_l("金额（元）"), min_fen=1, max_fen=TOO_MUCH_FEN - 1))
    since = forms.DateField(label=_l("哪天的"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    reason = sometimes_required(forms.CharField(label=_l("为什么"), max_length=200))
    settled_by = sometimes_required(forms.CharField(label=_l("由谁去办"), max_length=60))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        given = [cleaned.get(name) for name in ("name", "amount_fen", "reason", "settled_by")]
        if any(given) and not all(given) and not self.errors:
            raise ValidationError(_("手写的一项没有写全：是什么、多少钱、为什么、由谁去办，都要写。"))
        return cleaned

    def item(self, on: Any) -> bank_balance.Item | None:
        given = self.cleaned_data
        if not given.get("name"):
            return None
        return bank_balance.Item(
            given["side"],
            given["name"],
            given["amount_fen"],
            given["since"] or on,
            given["reason"],
            given["settled_by"],
        )


ManualFormSet = forms.formset_factory(ManualForm, extra=MANUAL, max_num=20)


@login_required
@require_safe
def accounts(request: HttpRequest) -> HttpResponse:
    """The accounts with what their newest sheet says."""
    if not holds(request.user, "reconcile") and not funds_in_reach(request.user).exists():
        raise Http404
    page = Paginator(accounts_in_reach(request.user).select_related("unit"), PAGE).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    newest = {
        sheet.account_id: sheet
        for sheet in bank_balance.latest_of(accounts_in_reach(request.user).filter(pk__in=[row.pk for row in shown]))
    }
    return render(
        request,
        "funds/bank_accounts.html",
        {
            "page": page,
            "rows": [
                {"account": account, "sheet": newest.get(account.pk), "tone": _tone(newest.get(account.pk))}
                for account in shown
            ],
            "may": holds(request.user, "reconcile"),
            "why_not": why_not(request.user, "reconcile"),
        },
    )


def _tone(sheet: Reconciliation | None) -> str:
    return "act" if sheet and sheet.difference_fen else TONES[sheet.state] if sheet else "none"


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_account(request: HttpRequest) -> HttpResponse:
    demand(request.user, "reconcile")
    units = OrgUnit.objects.filter(pk__in=[post.unit_id for post in posts_for(request.user, "reconcile")])
    form = AccountForm(request.POST or None, units=units)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            with in_plain_words():
                made = bank_balance.record_account(
                    unit=given["unit"],
                    name=given["name"],
                    bank=given["bank"],
                    account_no=given["account_no"],
                    opened_on=given["opened_on"],
                    by=request.user,
                )
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("账户登记好了。下一步：写明哪些资金放在这里。"))
            return redirect("funds:bank_account", made.pk)
    return _form(request, form, _("登记银行账户"), _("登记"))


def _form(
    request: HttpRequest, form: Any, title: str, verb: str, account: DepositAccount | None = None
) -> HttpResponse:
    return render(
        request,
        "funds/bank_form.html",
        {"form": form, "title": title, "verb": verb, "account": account},
        status=422 if form.errors else 200,
    )


def _account(request: HttpRequest, account_id: int) -> DepositAccount:
    return visible(accounts_in_reach(request.user).select_related("unit"), pk=account_id)


@login_required
@require_safe
def account(request: HttpRequest, account_id: int) -> HttpResponse:
    """One account: which funds lie there, its sheets, newest first."""
    found = _account(request, account_id)
    page = Paginator(found.reconciliations.select_related("prepared_by", "reviewed_by"), PAGE).get_page(
        request.GET.get("page")
    )
    return render(
        request,
        "funds/bank_account.html",
        {
            "account": found,
            "standings": found.standings.select_related("fund"),
            "stated": found.stated.select_related("recorded_by")[:5],
            "books_fen": bank_balance.books_fen(found, clock.today()),
            "today": clock.today(),
            "page": page,
            "rows": [
                {"sheet": sheet, "tone": _tone(sheet) if sheet.state == "prepared" else TONES[sheet.state]}
                for sheet in page
            ],
            "may": holds_at(request.user, found.unit, "reconcile"),
            "why_not": why_not(request.user, "reconcile"),
        },
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def place(request: HttpRequest, account_id: int) -> HttpResponse:
    found = _account(request, account_id)
    demand_at(request.user, found.unit, "reconcile")
    funds = funds_in_reach(request.user).filter(unit=found.unit).exclude(source=Fund.Source.IN_KIND).order_by("code")
    form = PlaceForm(request.POST or None, funds=funds)
    if request.method == "POST" and form.is_valid():
        try:
            with in_plain_words():
                bank_balance.place(form.cleaned_data["fund"], found, since=form.cleaned_data["since"], by=request.user)
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("记好了。"))
            return redirect("funds:bank_account", found.pk)
    return _form(request, form, _("哪项资金放在这个账户"), _("记下"), found)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def state(request: HttpRequest, account_id: int) -> HttpResponse:
    """What the bank's paper says; then the sheet is prepared."""
    found = _account(request, account_id)
    demand_at(request.user, found.unit, "reconcile")
    form = BalanceForm(
        request.POST or None,
        request.FILES or None,
        initial={"on": clock.today().replace(day=1) - datetime.timedelta(days=1)},
    )
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            with in_plain_words():
                made = bank_balance.state_balance(
                    found,
                    on=given["on"],
                    balance_fen=given["balance_fen"],
                    reference=given["reference"],
                    statement_sha256=given["file"],
                    by=request.user,
                )
        except REFUSALS as refusal:
            form.add_error(None, str(refusal))
        else:
            return redirect("funds:prepare_reconciliation", made.pk)
    return _form(request, form, _("记银行余额"), _("存好，下一步"), found)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def prepare(request: HttpRequest, stated_id: int) -> HttpResponse:
    """Tick what stands on one side alone, write down what the entries do not tell; the sheet shows what is left."""
    stated = visible(
        StatedBalance.objects.filter(account__in=accounts_in_reach(request.user)).select_related("account__unit"),
        pk=stated_id,
    )
    demand_at(request.user, stated.account.unit, "reconcile")
    derived = bank_balance.derived(stated.account, stated.on)
    carried = [_as_initial(item) for item in derived if item.ref is None]
    key, lines = KeyedForm(request.POST or None), ManualFormSet(request.POST or None, prefix="manual", initial=carried)
    ticked = (
        set(request.POST.getlist("ref")) if request.method == "POST" else {item.ref for item in derived if item.is_sure}
    )
    if request.method == "POST" and key.is_valid() and lines.is_valid():
        known = {item.ref: item for item in derived if item.ref}
        items = [known[ref] for ref in known if ref in ticked]
        items += [item for form in lines if (item := form.item(stated.on))]
        try:
            with in_plain_words():
                made = bank_balance.prepare(stated, items, by=request.user, key=f"reconcile:{key.cleaned_data['key']}")
        except REFUSALS as refusal:
            key.add_error(None, str(refusal))
        else:
            return redirect("funds:reconciliation", made.pk)
    books_fen = bank_balance.books_fen(stated.account, stated.on)
    bad = bool(key.errors or any(lines.errors) or lines.non_form_errors()) if request.method == "POST" else False
    return render(
        request,
        "funds/reconciliation_prepare.html",
        {
            "stated": stated,
            "account": stated.account,
            "books_fen": books_fen,
            "apart_fen": stated.balance_fen - books_fen,
            "rows": [
                {"item": item, "words": OpenItem.Side(item.side).label, "on": item.ref in ticked}
                for item in derived
                if item.ref
            ],
            "unlisted": bank_balance.unlisted(stated.account, stated.on),
            "most": bank_balance.MOST_ENTRIES,
            "key": key,
            "lines": lines,
            "bad": bad,
        },
        status=422 if bad else 200,
    )


def _as_initial(item: bank_balance.Item) -> dict[str, Any]:
    return {
        "side": item.side,
        "name": item.name,
        "amount_fen": item.amount_fen,
        "since": item.since,
        "reason": item.reason,
        "settled_by": item.settled_by,
    }


def _sheet(request: HttpRequest, pk: int) -> Reconciliation:
    rows = Reconciliation.objects.filter(account__in=accounts_in_reach(request.user))
    return visible(rows.select_related("account__unit", "stated", "prepared_by", "reviewed_by"), pk=pk)


@login_required
@require_safe
def reconciliation(request: HttpRequest, pk: int) -> HttpResponse:
    """The sheet as it is printed: books and bank side by side, every item with its rows, and who stands for it."""
    return _sheet_page(request, _sheet(request, pk))


def _sheet_page(request: HttpRequest, found: Reconciliation, *, form: Any = None) -> HttpResponse:
    user = request.user
    items = list(found.items.all())
    is_mine = found.preparer_person_key == user.person_key
    may = holds_at(user, found.account.unit, "reconcile")
    barred = bank_balance.why_not_review(found, user)
    sides = [
        {
            "side": side,
            "words": side.label,
            "items": [{"item": item, "url": _rows_of(item)} for item in items if item.side == side],
        }
        for side in OpenItem.Side
    ]
    return render(
        request,
        "funds/reconciliation.html",
        {
            "sheet": found,
            "account": found.account,
            "books": sides[:2],
            "bank": sides[2:],
            "funds": bank_balance.funds_in(found.account, found.on),
            "tone": TONES[found.state],
            "is_mine": is_mine,
            "may": may,
            "may_review": not barred and found.state == "prepared",
            "why_not": barred,
            "form": form,
        },
        status=422 if form is not None else 200,
    )


def _rows_of(item: OpenItem) -> str:
    """Where the rows of a derived item are."""
    kind, *rest = (item.ref or "").split(":")
    if kind == "batch":
        return reverse("funds:batch", args=[rest[0]])
    if kind == "transfer":
        return reverse("funds:entry", args=[rest[0]])
    return ""


@login_required
@require_POST
def answer(request: HttpRequest, pk: int) -> HttpResponse:
    """The second person reviews it or sends it back."""
    found = _sheet(request, pk)
    demand_at(request.user, found.account.unit, "reconcile")
    try:
        with in_plain_words():
            if request.POST.get("do") == "review":
                bank_balance.review(found.pk, by=request.user)
                messages.success(request, _("复核好了，可以打印存档。"))
            elif request.POST.get("do") == "send_back":
                bank_balance.send_back(found.pk, by=request.user, answer=request.POST.get("reason", "")[:200])
                messages.success(request, _("退回去重编了。"))
            else:
                raise Http404
    except REFUSALS as refusal:
        form = forms.Form(request.POST)
        form.add_error(None, str(refusal))
        return _sheet_page(request, _sheet(request, pk), form=form)
    return redirect("funds:reconciliation", found.pk)


@login_required
@require_safe
def open_items(request: HttpRequest) -> HttpResponse:
    """Everything that is open on the newest sheets, the oldest first, and how much has been open for how long."""
    sheets = bank_balance.latest_of(accounts_in_reach(request.user))
    if not sheets and not holds(request.user, "reconcile") and not funds_in_reach(request.user).exists():
        raise Http404
    today = clock.today()
    items = (
        OpenItem.objects.filter(reconciliation__in=sheets)
        .select_related("reconciliation__account")
        .order_by("since", "pk")
    )
    page = Paginator(items, PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "funds/open_items.html",
        {
            "bands": bank_balance.ageing(sheets, today),
            "page": page,
            "rows": [{"item": item, "url": _rows_of(item), "days": (today - item.since).days} for item in page],
        },
    )
