"""What an act asks for besides being pressed, action by action, and how it is carried out.

    form = form_of("visit", case)(request.POST, request.FILES, case=case, user=user, action="visit")
    if form.is_valid(): form.carry_out()

Payments go through casework.payments, so that a single one is a batch of one line and has its three persons.
"""

from typing import Any

from django import forms
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import pgettext_lazy

from audit import clock
from casework import papers, payments, services_log
from casework.acting import act
from casework.days import day_short
from casework.desks.account_fields import AccountFields
from casework.desks.acts import new_key
from casework.desks.cases.file_forms import PaperInput
from casework.desks.cases.mending import returned_by, was_mended
from casework.desks.township.forms import REFUSE_REASONS, RETURN_REASONS
from casework.digests import PROGRESS_PAPERS
from casework.fields import AnswerCards, DayField, MoneyField, PhotoField
from casework.imprest_payers import second_payers
from casework.models import Case, CaseEvent
from casework.preparing import surveyor_of
from casework.steps.parts import next_part
from families import catalogue
from families import services as families
from families.models import BankAccount, Survey
from flows import calendar
from flows.states import ACTIONS
from funds import services as funds
from funds.models import CashHandover, Payment, Provider, Recovery
from funds.money import yuan

MINDS = frozenset({"endorse", "check", "approve", "approve_plan", "review", "confirm", "countersign", "approve_exit"})
QUESTIONS = {
    "dismiss": _l("为什么不用办？"),
    "village_return": _l("哪里要改？"),
    "return": _l("哪里要改？"),
    "uphold_objection": _l("核实的结果"),
    "dismiss_objection": _l("核实的结果"),
    "refuse": _l("为什么不批？"),
    "send_back": _l("为什么退回审批？"),
    "unlist_payment": _l("为什么移出？"),
    "payment_bounced": _l("银行怎么说？"),
    "payment_clawed_back": _l("银行怎么说？"),
    "payment_unknown": _l("问了谁？银行怎么说？"),
    "propose_exit": _l("为什么可以结案？"),
    "keep_open": _l("为什么还要帮？"),
    "withdraw": _l("为什么撤回？"),
    "appeal": _l("这家不服的是什么？"),
    "uphold_refusal": _l("为什么维持？"),
    "overturn_refusal": _l("为什么撤销原决定？"),
    "emergency_release": _l("急在哪里？"),
    **dict.fromkeys(("record_recovery", "finish_recovery"), _l("怎么追回的？")),
    "object": _l("不同意的是什么？"),
    "check_instalment": _l("看到了什么？"),
    "suspend": _l("为什么暂停？"),
    "resume": _l("什么变了，可以恢复？"),
    "stop_payments": _l("为什么停止？"),
    "reclaim": _l("为什么要追回？"),
}
REASONS = {"refuse": REFUSE_REASONS, "return": RETURN_REASONS, "village_return": RETURN_REASONS}


class ActForm(forms.Form):
    """Any act: its key, and words where the act must say why or where a mind may be spoken."""

    locks_first = True  # payments lock their batch before the case, as the batch page does

    key = forms.CharField(widget=forms.HiddenInput, max_length=60)

    def __init__(self, *args: Any, case: Case, user: Any, action: str, **more: Any) -> None:
        super().__init__(*args, **more)
        self.case, self.user, self.action = case, user, action
        self.missing: list[str] = []
        self.fields["key"].initial = new_key
        asks = ACTIONS[action].asks
        if "reason_code" in asks or action in REASONS:
            self.fields["reason_code"] = forms.ChoiceField(
                label=_("原因"),
                choices=REASONS.get(action, [("other", pgettext_lazy("reason", "其他"))]),
                widget=AnswerCards,
                required="reason_code" in asks,
            )
        if "reason" in asks or action in MINDS:
            self.fields["reason"] = forms.CharField(
                label=QUESTIONS.get(action, _("意见")),
                widget=forms.Textarea(attrs={"rows": 3}),
                max_length=1000,
                required="reason" in asks,
                help_text=_("会写进卷宗。"),
            )

    def data_of_act(self) -> dict[str, Any]:
        """The `data` of act(); dates as ISO text."""
        return {}

    def carry_out(self) -> None:
        """Raises whatever act() refuses with."""
        self._act()

    def _act(self, **more: Any) -> CaseEvent:
        cleaned = self.cleaned_data
        return act(
            self.case.pk,
            self.action,
            by=self.user,
            key=cleaned["key"],
            reason=cleaned.get("reason", ""),
            reason_code=cleaned.get("reason_code", ""),
            data=self.data_of_act() | more,
        )


class FindingsForm(ActForm):
    """What the file says in the end: which survey, how much, for what, to which account."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        case, rules = self.case, self.case.rules
        self.payees = payees_of(case) if case.spec.has_money else []
        self.surveys = [
            survey
            for survey in Survey.objects.filter(household_id=case.household_id).order_by("-version")[:5]
            if calendar.add(survey.surveyed_on, rules.survey_valid) >= clock.today()
        ]
        self.account = BankAccount.objects.filter(household_id=case.household_id, is_active=True).first()
        latest = self.surveys[0] if self.surveys else None
        if len(self.surveys) > 1:
            self.fields["survey_id"] = forms.ChoiceField(
                label=_("用哪一份调查表"),
                choices=[
                    (s.pk, _("第 %(n)d 版，%(day)s") % {"n": s.version, "day": day_short(s.surveyed_on)})
                    for s in self.surveys
                ],
                initial=latest.pk,
                widget=AnswerCards,
            )
        if case.spec.has_money and not rules.unit_amount_fen and self.action != "submit_makeup":
            self.fields["amount_fen"] = MoneyField(
                label=_("申请帮扶多少钱"),
                initial=case.amount_fen or None,
                required=self.action != "register",
                max_fen=rules.cap_fen,
                help_text=_("这一项最多 %(yuan)s 元。") % {"yuan": yuan(rules.cap_fen)},
            )
        if self.payees:
            self.fields["payee"] = forms.ChoiceField(
                label=_("付给谁"),
                choices=self.payees,
                initial=str(case.provider_id or "family"),
                help_text=_("付给单位的，只列县里核对过账户的。"),
            )
        found = latest.facts if latest else {}
        self.fields["cause"] = forms.ChoiceField(
            label=_("最主要的原因"),
            choices=[(code, title) for code, title in catalogue.CAUSES if code in found.get("causes", [code])],
            initial=case.cause or found.get("main_cause"),
            widget=AnswerCards(look="two"),
        )
        self.fields["summary"] = forms.CharField(
            label=_("一句话说明"),
            max_length=200,
            required=False,
            initial=case.summary,
            help_text=_("审核的人先看这一句。不写病名、身份证。"),
            widget=forms.Textarea(attrs={"rows": 2}),
        )
        if self.action == "resubmit" and not self._was_mended():
            self.fields["as_it_was"] = forms.BooleanField(
                label=_("退回以后什么也没改，还是这样上报"),
                required=False,
                help_text=_("没有加材料，没有重填调查表，没有改账户。上面的改了，就不用勾。"),
            )

    def _was_mended(self) -> bool:
        back = returned_by(list(self.case.events.order_by("n")))
        return back is None or was_mended(self.case, back)

    def clean(self) -> dict[str, Any] | None:
        """Handing in again what was sent back, word for word, takes saying so."""
        given = super().clean()
        if "as_it_was" in self.fields and not self.errors:
            asked = ("survey_id", "amount_fen", "payee", "cause", "summary")
            changed = any(
                str(self.cleaned_data.get(name) or "") != str(self.fields[name].initial or "")
                for name in asked
                if name in self.fields
            )
            if not changed and not self.cleaned_data["as_it_was"]:
                self.add_error("as_it_was", _("退回以后什么也没改。请按退回说的改好；确实不用改，就勾上这一条。"))
        return given

    def data_of_act(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        survey = cleaned.get("survey_id") or (self.surveys[0].pk if self.surveys else None)
        data = {"survey_id": int(survey) if survey else None, "cause": cleaned["cause"], "summary": cleaned["summary"]}
        if self.payees:
            data["provider_id"] = int(cleaned["payee"]) if cleaned["payee"].isdecimal() else None
        if self.account and self.case.spec.has_money:
            data["account_id"] = self.account.pk
        if cleaned.get("amount_fen") is not None:
            data["amount_fen"] = cleaned["amount_fen"]
        return data


def payees_of(case: Case) -> list[tuple[str, Any]]:
    """Whom the rules let this case be paid to; [] when that is the family alone. Providers stand under their kind."""
    kinds = [kind for kind in case.rules.pays_to if kind != "family"]
    if not kinds:
        return []
    providers = Provider.objects.filter(
        unit=case.county_id, kind__in=kinds, checked_on__isnull=False, ended_on__isnull=True
    )
    by_kind: dict[str, list[tuple[str, str]]] = {}
    for provider in providers:
        words = f"{provider.name} · {provider.bank} **** {provider.account_last4}"
        by_kind.setdefault(provider.get_kind_display(), []).append((str(provider.pk), words))
    family = [("family", _("这家的账户"))] if "family" in case.rules.pays_to else [("", _("选一个单位"))]
    return family + list(by_kind.items())


class EmergencyForm(ActForm):
    """Money before papers."""

    amount_fen = MoneyField(label=_l("先付多少"), min_fen=100)

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        cap_fen = self.case.rules.emergency_cap_fen
        self.fields["amount_fen"].max_fen = cap_fen
        self.fields["amount_fen"].help_text = _("先行救助最多 %(yuan)s 元。") % {"yuan": yuan(cap_fen)}
        self.account = BankAccount.objects.filter(household_id=self.case.household_id, is_active=True).first()

    def data_of_act(self) -> dict[str, Any]:
        account = {"account_id": self.account.pk} if self.account else {}
        return {"amount_fen": self.cleaned_data["amount_fen"]} | account


class VisitForm(ActForm):
    """Six questions at the door."""

    visited_on = DayField(label=_l("哪天去的"), latest=clock.today, initial=clock.today)
    satisfaction = forms.TypedChoiceField(
        label=_l("这家满意吗？"),
        choices=[
            (5, _l("很满意")),
            (4, _l("满意")),
            (3, _l("一般")),
            (2, _l("不满意")),
            (1, _l("很不满意")),
        ],
        coerce=int,
        widget=AnswerCards,
    )
    knew_could_apply = forms.TypedChoiceField(
        label=_l("这家以前知道可以申请吗？"),
        choices=[("yes", _l("知道")), ("no", _l("不知道"))],
        coerce=lambda value: value == "yes",
        empty_value=None,
        required=False,
        widget=AnswerCards(look="two"),
    )
    used_as_meant = forms.TypedChoiceField(
        label=_l("钱和东西用在该用的地方了吗？"),
        choices=[("yes", pgettext_lazy("used", "是的")), ("no", pgettext_lazy("used", "没有"))],
        coerce=lambda value: value == "yes",
        empty_value=None,
        required=False,
        widget=AnswerCards(look="two"),
    )
    words = forms.CharField(
        label=_l("他们怎么说？还有什么难处？"), widget=forms.Textarea(attrs={"rows": 3}), max_length=1000
    )
    photo = PhotoField(label=_l("走访照片"), required=False)

    field_order = ["key", "visited_on", "satisfaction", "knew_could_apply", "used_as_meant", "words", "photo"]

    def data_of_act(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        return {
            "visited_on": cleaned["visited_on"].isoformat(),
            "satisfaction": cleaned["satisfaction"],
            "knew_could_apply": cleaned["knew_could_apply"],
            "used_as_meant": cleaned["used_as_meant"],
            "words": cleaned["words"],
        }

    def carry_out(self) -> None:
        self._act()
        if self.cleaned_data.get("photo"):
            papers.add_paper(self.case.pk, self.cleaned_data["photo"], kind="visit_photo", by=self.user)


class CorrectAccountForm(AccountFields, ActForm):
    """A new number for the same payee, written twice."""

    copy = PhotoField(label=_l("存折或卡的照片"), required=False)
    field_order = ["key", "number", "again", "sure", "kind", "bank", "other_bank", "copy"]

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.ask_for(self.case.household)
        account = self.case.payee_account
        self.fields["kind"].initial, self.fields["bank"].initial = account.kind, account.bank
        self.fields["number"].help_text = _("户名要和 %(name)s 一样。") % {"name": account.holder.name}

    def carry_out(self) -> None:
        cleaned, case = self.cleaned_data, self.case
        surveyor_of(case.household, self.user)
        account = families.record_account(
            case.household,
            case.payee_account.holder,
            cleaned["number"],
            kind=cleaned["kind"],
            bank=cleaned["bank"],
            by=self.user,
        )
        if cleaned.get("copy"):
            papers.add_paper(case.pk, cleaned["copy"], kind="account_copy", by=self.user)
        self._act(account_id=account.pk)


class CorrectProviderForm(ActForm):
    """The provider as it was recorded anew: the same name, another account, compared by a second person."""

    provider_id = forms.ChoiceField(label=_l("收款单位的新账户"), widget=AnswerCards)

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        now = self.case.provider
        again = Provider.objects.filter(
            name=now.name, unit=now.unit_id, checked_on__isnull=False, ended_on__isnull=True
        )
        self.fields["provider_id"].choices = [
            (str(row.pk), f"{row.name} · {row.bank} **** {row.account_last4}") for row in again.exclude(pk=now.pk)
        ]
        if not self.fields["provider_id"].choices:
            self.fields["provider_id"].help_text = _("还没有新账户。请县里的资金管理登记、第二个人核对，再回来选。")

    def data_of_act(self) -> dict[str, Any]:
        return {"provider_id": int(self.cleaned_data["provider_id"])}


class CheckForm(ActForm):
    """What somebody found who went to look whether the next part may be paid, with pictures of it."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.part = next_part(self.case.subject)
        self.served = list(services_log.unbilled(self.case))
        self.served_fen = sum(entry.amount_fen for entry in self.served)
        self.payable_fen = 0  # of it, with this part
        if self.part is None:
            return
        self.payable_fen = services_log.payable_fen(self.served, self.part.amount_fen)
        self.fields["amount_fen"] = MoneyField(
            label=_("这一期付多少"),
            required=False,
            min_fen=1,
            max_fen=self.part.amount_fen,
            help_text=_("空着就付最早的几次，最多到计划的数。没付到的留到下一期；没有做的，先撤掉那一条。")
            if self.served
            else _("空着就按计划。做得少的，写实际该付的。"),
        )
        for kind in proof_kinds(self.case, served=bool(self.served)):
            title = catalogue.title(catalogue.DOCUMENTS, kind)
            self.fields[kind] = forms.FileField(label=title, required=False, widget=PaperInput)

    def data_of_act(self) -> dict[str, Any]:
        amount_fen = self.cleaned_data.get("amount_fen")
        return {} if amount_fen is None else {"amount_fen": amount_fen}

    def carry_out(self) -> None:
        self._act()
        case = Case.objects.get(pk=self.case.pk)
        for kind in PROGRESS_PAPERS:
            if self.cleaned_data.get(kind):
                papers.add_proof(case, self.cleaned_data[kind], kind=kind, by=self.user)


def proof_kinds(case: Case, *, served: bool) -> list[str]:
    """Which pictures show that a part is due: of the work, of being enrolled, of services that were signed for."""
    kinds = ["service_log"] if served or case.provider_id else []
    if case.programme == "education_grant":
        kinds.append("enrolment_again")
    if case.rules.payments.every_months == 0:  # by progress, not by the calendar
        kinds += ["progress_photo", "acceptance_form"]
    return kinds or ["progress_photo"]


class ReclaimForm(ActForm):
    """How much of what was paid is asked back."""

    amount_fen = MoneyField(label=_l("追回多少"), min_fen=1)
    field_order = ["key", "amount_fen", "reason"]

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        reservation = funds.held_reservation(self.case.subject)
        paid_fen = funds.paid_of(reservation) if reservation else 0
        self.fields["amount_fen"].initial = self.fields["amount_fen"].max_fen = paid_fen
        self.fields["amount_fen"].help_text = _("付过 %(yuan)s 元。只追回一部分的，改成那一部分。") % {
            "yuan": yuan(paid_fen)
        }

    def data_of_act(self) -> dict[str, Any]:
        return {"amount_fen": self.cleaned_data["amount_fen"]}


class ObjectForm(ActForm):
    """Somebody's objection, written down by staff. Nobody has to give a name."""

    raised_by = forms.CharField(label=_l("谁提的"), max_length=60, required=False, help_text=_l("可以不留名字。"))
    contact = forms.CharField(label=_l("怎么联系"), max_length=60, required=False)

    def data_of_act(self) -> dict[str, Any]:
        return {"raised_by": self.cleaned_data["raised_by"], "contact": self.cleaned_data["contact"]}


class RecoveryForm(ActForm):
    """What came back now, with its paper; a recovery is finished when nothing is open any more."""

    amount_fen = MoneyField(label=_l("这次收回多少"))
    document_no = forms.CharField(label=_l("收据号或银行回单号"), max_length=60, required=False)
    field_order = ["key", "amount_fen", "document_no", "reason"]

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        recovery = Recovery.objects.filter(subject=self.case.subject).order_by("-id").first()
        amount = self.fields["amount_fen"]
        amount.max_fen = recovery.open_fen if recovery else 0
        amount.min_fen = 0 if self.action == "finish_recovery" else 1
        amount.help_text = _("还欠 %(open)s 元。追不回的，请先在追回页面提出核销，由第二个人核准。") % {
            "open": yuan(amount.max_fen)
        }

    def data_of_act(self) -> dict[str, Any]:
        return {"amount_fen": self.cleaned_data["amount_fen"], "document_no": self.cleaned_data["document_no"]}


class PayFromImprestForm(ActForm):
    """Cash out of the township's float: who went along, how it was signed for, the picture of the receipt."""

    second_payer = forms.TypedChoiceField(
        label=_l("还有谁一起发"),
        coerce=int,
        help_text=_l("发钱的两个人，以后不能再调查、评议、审核、审批这一件。一起发的人会在自己的首页看到这一笔。"),
    )
    handed_on = DayField(label=_l("哪天发的"), latest=clock.today, initial=clock.today)
    place = forms.CharField(label=_l("在哪里发的"), max_length=80, required=False)
    signed_how = forms.ChoiceField(
        label=_l("怎么签的"), choices=CashHandover.Signed.choices, initial="signature", widget=AnswerCards
    )
    received_by = forms.CharField(
        label=_l("谁领的"), max_length=60, help_text=_l("别人代领的，写上是什么人，例如：江小春（儿子）。")
    )
    receipt = PhotoField(label=_l("签了字的收条"), help_text=_l("拍下整张收条。"))

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        case = self.case
        payers = second_payers(case, self.user)
        self.fields["second_payer"].choices = [
            ("", _("选一个人")),
            *((staff.pk, f"{staff.name}（{titles}）") for staff, titles in payers),
        ]
        if not payers:
            self.fields["second_payer"].help_text = _(
                "乡里没有可以一起发的人：发了钱就不能再审核、审批，要留得下人办。请走银行付款，或者请管理员先任命。"
            )
        if case.payee_account:
            self.fields["received_by"].initial = case.payee_account.holder.name

    def data_of_act(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        return {
            "second_payer": cleaned["second_payer"],
            "handed_on": cleaned["handed_on"].isoformat(),
            "place": cleaned["place"],
            "signed_how": cleaned["signed_how"],
            "received_by": cleaned["received_by"],
        }

    @transaction.atomic
    def carry_out(self) -> None:
        paper = papers.add_receipt(self.case, self.cleaned_data["receipt"], by=self.user)
        self._act(document_id=paper.document_id)


class ListForm(ActForm):
    """A payment on its own is a batch of one line."""

    locks_first = False

    def carry_out(self) -> None:
        payments.build_batch([self.case.pk], by=self.user, key=self.cleaned_data["key"], title=self.case.case_no)


class AtTheBatchForm(ActForm):
    """Never shown: a payment is checked, released and handed out on the page of its batch, which asks for what it takes."""


class BySecondPersonForm(ActForm):
    """Never shown: whoever was named as the second person answers on a page of her own, which shows what it is about."""


class WithTheBankForm(ActForm):
    """About the payment that was with the bank when the page was opened."""

    payment_id = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        with_the_bank = Payment.objects.filter(subject=self.case.subject, state__in=("sent", "unknown"))
        self.payment = with_the_bank.order_by("-id").first()
        self.fields["payment_id"].initial = self.payment and self.payment.pk

    def data_of_act(self) -> dict[str, Any]:
        return {"payment_id": self.cleaned_data["payment_id"]}


class AnswerForm(WithTheBankForm):
    """What the bank answered."""

    bank_reference = forms.CharField(label=_l("银行流水号"), max_length=60, required=False)
    answered_on = DayField(label=_l("银行哪天答复"), latest=clock.today, initial=clock.today)
    field_order = ["key", "payment_id", "reason", "bank_reference", "answered_on"]

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self.fields["answered_on"].not_before(self.payment and self.payment.sent_on)

    def data_of_act(self) -> dict[str, Any]:
        return super().data_of_act() | {
            "bank_reference": self.cleaned_data["bank_reference"],
            "answered_on": self.cleaned_data["answered_on"].isoformat(),
        }


class TakenBackForm(ActForm):
    """Which of the payments that had arrived the bank has returned."""

    payment_id = forms.TypedChoiceField(label=_l("银行退回的是哪一笔"), coerce=int, widget=AnswerCards)
    bank_reference = forms.CharField(label=_l("银行流水号"), max_length=60, required=False)
    answered_on = DayField(label=_l("银行哪天答复"), latest=clock.today, initial=clock.today)
    field_order = ["key", "payment_id", "reason", "bank_reference", "answered_on"]

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        arrived = Payment.objects.filter(
            subject=self.case.subject, state=Payment.State.CREDITED, batch__cash_reason__isnull=True
        ).order_by("-id")
        self.fields["payment_id"].choices = [(payment.pk, arrived_words(payment)) for payment in arrived]
        if len(arrived) == 1:
            self.fields["payment_id"].initial = arrived[0].pk

    def data_of_act(self) -> dict[str, Any]:
        return {
            "payment_id": self.cleaned_data["payment_id"],
            "bank_reference": self.cleaned_data["bank_reference"],
            "answered_on": self.cleaned_data["answered_on"].isoformat(),
        }


def arrived_words(payment: Payment) -> str:
    """One payment among those of a case: what it was, when it arrived, where."""
    return _("%(yuan)s 元，%(day)s到账，尾号 %(tail)s") % {
        "yuan": yuan(payment.amount_fen),
        "day": day_short(payment.answered_on),
        "tail": payment.account_last4,
    }


BY_THE_SECOND_PERSON = ("confirm_cash", "object_to_cash")
_FORMS: dict[str, type[ActForm]] = {
    "register": FindingsForm,
    "resubmit": FindingsForm,
    "submit_makeup": FindingsForm,
    "emergency_release": EmergencyForm,
    "visit": VisitForm,
    "correct_account": CorrectAccountForm,
    "object": ObjectForm,
    "pay_from_imprest": PayFromImprestForm,
    **dict.fromkeys(("record_recovery", "finish_recovery"), RecoveryForm),
    "check_instalment": CheckForm,
    "reclaim": ReclaimForm,
    "list_payment": ListForm,
    "reissue": ListForm,
    **dict.fromkeys(("check_payment", "release_payment", "cash_handed"), AtTheBatchForm),
    **dict.fromkeys(BY_THE_SECOND_PERSON, BySecondPersonForm),
    "payment_clawed_back": TakenBackForm,
    "payment_credited": AnswerForm,
    "payment_bounced": AnswerForm,
    "payment_unknown": WithTheBankForm,
}


def form_of(action: str, case: Case | None = None) -> type[ActForm]:
    if action == "correct_account" and case is not None and case.provider_id:
        return CorrectProviderForm
    return _FORMS.get(action, ActForm)


def is_one_press(action: str) -> bool:
    """Whether an act asks for nothing: then the button on the case page is the act, without a page in between."""
    return form_of(action) is ActForm and not ACTIONS[action].asks and action not in MINDS


@transaction.atomic
def carry_out_once(form: ActForm) -> None:
    """Carry out an act unless this very pressing was carried out before. Holds the case, so that two at once are one."""
    case = form.case
    if form.locks_first:
        case = Case.objects.select_for_update().get(pk=case.pk)
    if not done_before(case, form.cleaned_data["key"]):
        form.carry_out()


def done_before(case: Case, key: str) -> bool:
    """Whether this pressing has been carried out; in a batch the key of a line names its case."""
    return CaseEvent.objects.filter(key__in=[key, f"{key}:{case.pk}"], case=case).exists()
