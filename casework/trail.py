"""One case's whole trail, from the payment back to the survey, with the fingerprint of every step.

Six cards, one timeline of acts, changes and reads, and whether the chain of the subjects concerned is intact. What is
personal stays masked here; opening it is another page, which asks why.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from access.models import Staff
from access.roles import title_of
from audit import checkpoints
from audit import trail as chain
from audit.bundle import Selection
from audit.models import AccessLog, Checkpoint
from audit.operations import BYPASS_REASON
from audit.verify import Problem
from casework import chain as chain_of_payments
from casework.bank_words import labelled, returned_words
from casework.days import day_short
from casework.models import Case, CaseDocument, CaseEvent, Deliberation, PublicNotice
from casework.page_words import page_words
from casework.second_person import with_answers, with_questions
from families import catalogue
from families.models import Document, Survey
from flows.states import ACTIONS, STATES
from funds.models import CashHandover, Countersign, ImprestSpend, Instalment, Payment, PaymentBatch
from funds.money import yuan

MOST_READS = 200
MOST_LINKS = 10_000


@dataclass
class Card:
    """One step. `table` and `row` name the newest record of it in the chain; `url_kind` its history page."""

    n: int
    step: Any
    title: str = ""
    lines: list[str] = field(default_factory=list)
    who: str = ""
    on: datetime.date | None = None
    record: Any = None
    record_kind: str = ""
    table: str = ""
    row: int = 0
    hash: str = ""
    problems: list[Problem] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """The first and the last digits, enough to compare by eye."""
        return shortened(self.hash)

    @property
    def is_broken(self) -> bool:
        return bool(self.problems)


@dataclass(frozen=True)
class Happening:
    """One line of the timeline. Kinds: act, change, read. `at` is when it was really written down."""

    kind: str
    at: datetime.datetime
    on: datetime.date | None
    who: str
    title: str
    text: str = ""
    record_kind: str = ""
    record_pk: int = 0
    version: int = 0
    hash: str = ""
    tone: str = ""

    @property
    def fingerprint(self) -> str:
        return shortened(self.hash)


@dataclass(frozen=True)
class Stream:
    """One chain that belongs to the case."""

    name: str
    title: str
    links: list[chain.Link]
    problems: list[Problem]

    @property
    def sealed(self) -> int:
        return sum(link.is_sealed for link in self.links)


@dataclass
class Trail:
    case: Case
    cards: list[Card]
    happenings: list[Happening]
    reads: list[AccessLog]
    surveys: list[Survey]
    payments: list[Payment]
    handed_out: list[ImprestSpend]
    streams: list[Stream]
    links: dict[tuple[str, int], chain.Link]
    disagreements: list[str]
    seal: Checkpoint | None
    material: chain_of_payments.Material

    @property
    def problems(self) -> list[Problem]:
        return [problem for stream in self.streams for problem in stream.problems]

    @property
    def is_intact(self) -> bool:
        return not self.problems

    @property
    def payment(self) -> Payment | None:
        return self.payments[0] if self.payments else None

    @property
    def way(self) -> list[chain_of_payments.Step]:
        """Of the newest payment that was not taken off its list."""
        payment = next((one for one in self.payments if one.state != Payment.State.CANCELLED), None)
        handed = self.handed_out[0] if self.handed_out and payment is None else None
        return chain_of_payments.steps(self.material, payment, handed)


def shortened(hash: str) -> str:
    return f"{hash[:4]}…{hash[-2:]}" if hash else ""


def of_case(case: Case) -> Trail:
    """Everything about one case, in a number of queries that does not grow with its length."""
    payments = list(
        Payment.objects.filter(subject=case.subject)
        .select_related("batch__maker", "batch__checker", "batch__releaser", "reservation__allocation__fund")
        .prefetch_related(with_answers())
        .order_by("-id")
    )
    handed_out = list(
        ImprestSpend.objects.filter(subject=case.subject)
        .select_related("payer_one", "payer_two")
        .prefetch_related(with_questions())
        .order_by("-id")
    )
    events = list(case.events.select_related("by", "on_behalf_of").order_by("n"))
    notices = list(case.notices.prefetch_related("objections").order_by("-id"))
    sittings = list(case.deliberations.order_by("-round"))
    surveys = list(
        Survey.objects.filter(household_id=case.household_id)
        .select_related("surveyor", "second_surveyor")
        .order_by("-version")
    )
    papers = list(case.papers.select_related("document"))
    streams = _streams(case, payments, notices)
    links = {(link.table, link.row_id): link for stream in streams for link in stream.links}
    versions = _versions(case, payments, handed_out, notices, sittings, papers)
    cards = _cards(case, payments, handed_out, events, notices, sittings, surveys, papers)
    _fingerprint(cards, versions, links, [p for stream in streams for p in stream.problems])
    reads = reads_of(case, payments)
    names = _names(versions)
    happenings = sorted(
        [*_acts(events, links), *_changes(versions, links, names), *map(_read, reads)],
        key=lambda item: item.at,
        reverse=True,
    )
    return Trail(
        case,
        cards,
        happenings,
        reads,
        surveys,
        payments,
        handed_out,
        streams,
        links,
        _disagreements(case, payments, handed_out, events),
        checkpoints.latest(),
        chain_of_payments.Material(
            case,
            events,
            [notice for notice in reversed(notices) if notice.kind == PublicNotice.Kind.VILLAGE],
            sittings[::-1],
            sum(paper.kind in chain_of_payments.PHOTOS for paper in papers),
        ),
    )


# ---------------------------------------------------------------- chains


def _streams(case: Case, payments: list[Payment], notices: list[PublicNotice]) -> list[Stream]:
    found = [(case.subject, _("这一件")), (f"household:{case.household_id}", _("这一户"))]
    if payments:
        found.append((f"batch:{payments[0].batch_id}", _("付款批次")))
    if notices and notices[0].objections.all():
        found.append((f"notice:{notices[0].pk}", _("异议")))
    return [
        Stream(name, title, chain.entries(name, limit=MOST_LINKS), chain.stream_is_intact(name))
        for name, title in found
    ]


def bundle_of(case_no: str) -> Selection | None:
    """For an audit bundle: every chain that belongs to a case, those of its household, batches and objections included."""
    case = Case.objects.filter(case_no=case_no).first()
    if case is None:
        return None
    payments = Payment.objects.filter(subject=case.subject).values_list("batch_id", flat=True)
    streams = {case.subject, f"household:{case.household_id}"}
    streams |= {f"batch:{batch}" for batch in payments}
    streams |= {f"notice:{notice}" for notice in case.notices.values_list("id", flat=True)}
    return Selection(
        subject=case.subject,
        described={"case": case_no},
        sql="SELECT id FROM audit_entry WHERE stream = ANY (%(streams)s)",
        facts={"streams": sorted(streams)},
    )


# ---------------------------------------------------------------- the six cards


def _cards(
    case: Case,
    payments: list[Payment],
    handed_out: list[ImprestSpend],
    events: list[CaseEvent],
    notices: list[PublicNotice],
    sittings: list[Deliberation],
    surveys: list[Survey],
    papers: list[CaseDocument],
) -> list[Card]:
    payment = payments[0] if payments else None
    signed = next((event for event in reversed(events) if event.action in chain_of_payments.SIGNATURES), None)
    notice = next((notice for notice in notices if notice.kind == PublicNotice.Kind.VILLAGE), None)
    survey = next((survey for survey in surveys if survey.pk == case.survey_id), None)
    paid_at_once = handed_out[0] if handed_out and payment is None else None
    return [
        _handout_card(paid_at_once) if paid_at_once else _payment_card(payment),
        _payers_card(paid_at_once) if paid_at_once else _batch_card(payment.batch if payment else None),
        _approval_card(signed),
        _notice_card(notice),
        _sitting_card(sittings[0] if sittings else None),
        _survey_card(survey, papers),
    ]


def _payment_card(payment: Payment | None) -> Card:
    if payment is None:
        return Card(1, _("付款"), _("还没有付款"))
    lines = [f"{payment.bank} **** {payment.account_last4}".strip()]
    if payment.bank_reference:
        lines.append(_("回单 %(no)s") % {"no": payment.bank_reference})
    if payment.returned_reason:
        lines.append(returned_words(payment.returned_reason))
    lines += [line for given in payment.handovers.all() for line in _two_persons(given, given.countersign)]
    return Card(
        1,
        _("付款"),
        _("%(amount)s 元，%(state)s") % {"amount": yuan(payment.amount_fen), "state": payment.get_state_display()},
        lines,
        payment.payee_name,
        payment.answered_on or payment.sent_on or payment.listed_on,
        payment,
        "payment",
    )


def _handout_card(paid: ImprestSpend) -> Card:
    """Money out of the township's float: it is paid in cash, and its papers come after."""
    lines = [_("从备用金发的现金，%(how)s") % {"how": paid.get_signed_how_display()}]
    if paid.back_fen:
        lines.append(_("退回 %(amount)s 元") % {"amount": yuan(paid.back_fen)})
    state = (
        _("手续已认可") if paid.ended_on and not paid.back_fen else _("已追回") if paid.ended_on else _("手续没有补好")
    )
    title = _("%(amount)s 元，%(state)s") % {"amount": yuan(paid.amount_fen), "state": state}
    return Card(1, _("付款"), title, lines, paid.received_by, paid.paid_on, paid, "handout")


def _payers_card(paid: ImprestSpend) -> Card:
    lines = _two_persons(paid, paid.countersign)
    return Card(2, _("批次"), _("备用金，没有批次"), lines, "", paid.paid_on)


def _two_persons(given: CashHandover | ImprestSpend, asked: Countersign) -> list[str]:
    """Who wrote it down with whom, and what the other one said herself."""
    lines = [_("%(who)s 经手") % {"who": given.payer_one}, _("%(who)s 经手") % {"who": given.payer_two}]
    if not asked.answer:
        lines.append(_("%(who)s 还没有确认") % {"who": asked.asked})
    elif asked.answer == asked.Answer.CONFIRMED:
        lines.append(_("%(who)s %(day)s 确认") % {"who": asked.answered_by, "day": day_short(asked.answered_on)})
    else:
        words = _("%(who)s 撤回：%(words)s") if asked.is_withdrawn else _("%(who)s 说不是这样：%(words)s")
        lines.append(words % {"who": asked.answered_by, "words": asked.words})
    return lines


def _batch_card(batch: PaymentBatch | None) -> Card:
    if batch is None:
        return Card(2, _("批次"), _("还没有列入批次"))
    lines = [_("%(who)s 制单") % {"who": batch.maker}]
    if batch.checker:
        lines.append(_("%(who)s 复核") % {"who": batch.checker})
    if batch.releaser:
        lines.append(_("%(who)s 放行") % {"who": batch.releaser})
    return Card(2, _("批次"), batch.number, lines, "", batch.released_on or batch.made_on, batch, "batch")


def _approval_card(signed: CaseEvent | None) -> Card:
    if signed is None:
        return Card(3, _("审批"), _("还没有批准"))
    lines = [_("金额 %(amount)s 元") % {"amount": yuan(signed.amount_fen)}]
    if signed.digest:
        lines.append(_("签的是 %(print)s") % {"print": shortened(signed.digest)})
    if signed.on_behalf_of:
        lines.append(_("代%(who)s办") % {"who": signed.on_behalf_of})
    who = f"{signed.by} · {title_of(signed.by_role)}" if signed.by else title_of(signed.by_role)
    return Card(3, _("审批"), str(ACTIONS[signed.action].done), lines, who, signed.business_date, signed)


def _notice_card(notice: PublicNotice | None) -> Card:
    if notice is None:
        return Card(4, _("公示"), _("没有公示"))
    days = (notice.ends_on - notice.starts_on).days
    objections = len(notice.objections.all())
    title = (
        ngettext("%(n)d 件异议", "%(n)d 件异议", objections) % {"n": objections}
        if objections
        else (_("满 %(n)d 天，没有异议") if notice.ended_on else _("正在公示，共 %(n)d 天")) % {"n": days}
    )
    lines = [
        _("%(first)s 到 %(last)s") % {"first": day_short(notice.starts_on), "last": day_short(notice.ends_on)},
        _("第 %(n)d 次") % {"n": notice.round},
    ]
    return Card(4, _("公示"), title, lines, "", notice.ended_on or notice.starts_on, notice, "notice")


def _sitting_card(sitting: Deliberation | None) -> Card:
    if sitting is None:
        return Card(5, _("评议"), _("没有评议"))
    title = _("同意 %(yes)d，反对 %(no)d，弃权 %(none)d") % {
        "yes": sitting.votes_for,
        "no": sitting.votes_against,
        "none": sitting.votes_abstain,
    }
    lines = [
        _("应到 %(due)d 人，到 %(came)d 人") % {"due": sitting.due_count, "came": sitting.present_count},
        ngettext("回避 %(n)d 人", "回避 %(n)d 人", len(sitting.recused)) % {"n": len(sitting.recused)},
    ]
    return Card(5, _("评议"), title, lines, sitting.host, sitting.held_on, sitting, "deliberation")


def _survey_card(survey: Survey | None, papers: list[CaseDocument]) -> Card:
    if survey is None:
        return Card(6, _("调查"), _("还没有调查表"))
    lines = [
        _("%(first)s、%(second)s 两人入户") % {"first": survey.surveyor, "second": survey.second_surveyor},
        ngettext("材料 %(n)d 份", "材料 %(n)d 份", len(papers)) % {"n": len(papers)},
    ]
    title = _("第 %(n)d 版") % {"n": survey.version}
    return Card(6, _("调查"), title, lines, "", survey.surveyed_on, survey, "survey")


# ---------------------------------------------------------------- versions of records, and their fingerprints


@dataclass(frozen=True)
class Version:
    """One row of history, with the kind of record it belongs to."""

    kind: str
    words: str
    row: Any

    @property
    def key(self) -> tuple[str, int]:
        return self.row._meta.db_table, self.row.history_id


def _versions(
    case: Case,
    payments: list[Payment],
    handed_out: list[ImprestSpend],
    notices: list[PublicNotice],
    sittings: list[Deliberation],
    papers: list[CaseDocument],
) -> list[Version]:
    wanted: list[tuple[str, str, Any, Iterable[int]]] = [
        ("case", _("个案"), Case, [case.pk]),
        ("payment", _("付款"), Payment, [payment.pk for payment in payments]),
        ("handout", _("备用金付款"), ImprestSpend, [paid.pk for paid in handed_out]),
        (
            "countersign",
            _("会签"),
            Countersign,
            Countersign.objects.filter(subject=case.subject).values_list("pk", flat=True),
        ),
        ("batch", _("付款批次"), PaymentBatch, {payment.batch_id for payment in payments}),
        ("notice", _("公示"), PublicNotice, [notice.pk for notice in notices]),
        ("deliberation", _("评议"), Deliberation, [sitting.pk for sitting in sittings]),
        ("document", _("材料"), Document, [paper.document_id for paper in papers]),
        ("survey", _("调查表"), Survey, [case.survey_id] if case.survey_id else []),
    ]
    return [
        Version(kind, words, row)
        for kind, words, model, ids in wanted
        if ids
        for row in model.history.filter(id__in=list(ids)).order_by("history_id")
    ]


def _fingerprint(
    cards: list[Card],
    versions: list[Version],
    links: dict[tuple[str, int], chain.Link],
    problems: list[Problem],
) -> None:
    newest = {(version.kind, version.row.id): version.key for version in versions}
    for card in cards:
        if card.record is None:
            continue
        if card.record_kind:
            card.table, card.row = newest.get((card.record_kind, card.record.pk), ("", 0))
        else:
            card.table, card.row = card.record._meta.db_table, card.record.pk
        link = links.get((card.table, card.row))
        card.hash = link.hash if link else ""
        live = card.record._meta.db_table
        rows = {
            (version.key)
            for version in versions
            if (version.kind, version.row.id) == (card.record_kind, card.record.pk)
        }
        card.problems = [
            problem
            for problem in problems
            if (problem.table, problem.row) in rows or (problem.table, problem.row) == (live, card.record.pk)
        ]


# ---------------------------------------------------------------- the timeline


def _acts(events: list[CaseEvent], links: dict[tuple[str, int], chain.Link]) -> Iterable[Happening]:
    for event in events:
        words = ACTIONS[event.action].done if event.action in ACTIONS else _("开案")
        link = links.get((event._meta.db_table, event.pk))
        role = title_of(event.by_role) if event.by_role != "anyone" else _("群众")
        who = f"{event.by} · {role}" if event.by else role
        yield Happening(
            "act",
            event.recorded_at,
            event.business_date,
            who,
            str(words),
            event.reason,
            hash=link.hash if link else "",
            tone="now" if event.to_state in ("refused", "recovery", "returned", "payment_returned") else "",
        )


def _changes(
    versions: list[Version], links: dict[tuple[str, int], chain.Link], names: dict[int, str]
) -> Iterable[Happening]:
    kinds = {"+": _("新记"), "~": _("改了"), "-": _("删了")}
    for version in versions:
        row = version.row
        bypassed = (row.history_change_reason or "").startswith(BYPASS_REASON)
        link = links.get(version.key)
        yield Happening(
            "change",
            row.history_date,
            row.history_business_date,
            names.get(row.history_user_id, _("系统")),
            labelled(version.words, kinds[row.history_type]),
            _("绕过程序改的") if bypassed else _state_of(version),
            version.kind,
            row.id,
            row.history_id,
            link.hash if link else "",
            "stop" if bypassed or row.history_type == "-" else "",
        )


def _state_of(version: Version) -> str:
    """The state that this version of a record was in, in words."""
    state = getattr(version.row, "state", "")
    if version.kind == "case":
        return str(STATES[state].title)
    return str(dict(version.row._meta.get_field("state").flatchoices).get(state, state)) if state else ""


def _names(versions: list[Version]) -> dict[int, str]:
    ids = {version.row.history_user_id for version in versions} - {None}
    return dict(Staff.objects.filter(pk__in=ids).values_list("pk", "name"))


READ_WORDS = {
    AccessLog.Kind.UNMASK: lambda: _("写明原因看了"),
    AccessLog.Kind.EXPORT: lambda: _("导出"),
    AccessLog.Kind.FILE: lambda: _("打开材料"),
    AccessLog.Kind.EMERGENCY: lambda: _("紧急查看"),
    AccessLog.Kind.SEARCH: lambda: _("查找"),
}


def read_words(entry: AccessLog) -> str:
    """What was read, in words: 写明原因看了：身份证号."""
    fields = {
        "id_number": _("身份证全号"),
        "account": _("账号全号"),
        "phone": _("电话"),
        "health": _("身体"),
        "mental": _("心情"),
        "trail": _("全部经过"),
        "statement": _("对账单"),
    } | dict(catalogue.DOCUMENTS)
    if entry.kind == AccessLog.Kind.SEARCH:
        return _("查找，找到 %(n)s 个") % {"n": entry.fields.split(",")[2]}
    if entry.fields.startswith("pack "):
        number, *rest = entry.fields.split()[1:]
        taken = rest[1] if rest[:1] == ["volume"] else ""
        words = _("第 %(n)s 卷") % {"n": taken} if taken else ""
        return labelled(_("导出"), " ".join(filter(None, (_("迎检包"), number, words))))
    if entry.fields.startswith("bundle "):
        return labelled(_("导出"), _("证据包"))
    if entry.kind == AccessLog.Kind.EMERGENCY and entry.fields == "begin":
        return _("开始紧急查看")
    if entry.kind == AccessLog.Kind.EMERGENCY and entry.fields.startswith("/"):
        return labelled(_("紧急查看"), page_words(entry.fields))
    what = _("、").join(str(fields.get(name.strip(), name.strip())) for name in entry.fields.split(",") if name.strip())
    words = READ_WORDS[entry.kind]() if entry.kind in READ_WORDS else entry.kind
    return labelled(words, what) if what else words


def _read(entry: AccessLog) -> Happening:
    return Happening(
        "read", entry.at, entry.business_date, entry.actor_name, read_words(entry), entry.reason, tone="next"
    )


def reads_of(case: Case, payments: list[Payment] | None = None, most: int = MOST_READS) -> list[AccessLog]:
    """Who has opened something of this family or this case, newest first, at most `most`."""
    return list(AccessLog.objects.filter(subjects_of(case, payments)).order_by("-id")[:most])


def subjects_of(case: Case, payments: list[Payment] | None = None) -> Q:
    """The subjects under which reads of this case's and this family's data are written down."""
    if payments is None:
        payments = list(Payment.objects.filter(subject=case.subject))
    names = {case.subject, f"household:{case.household_id}"}
    names |= {f"person:{pk}" for pk in case.household.members.values_list("person_id", flat=True)}
    names |= {f"batch:{payment.batch_id}" for payment in payments} | {f"payment:{payment.pk}" for payment in payments}
    names |= {f"document:{pk}" for pk in case.papers.values_list("document_id", flat=True)}
    return Q(subject__in=names)


def _disagreements(
    case: Case, payments: list[Payment], handed_out: list[ImprestSpend], events: list[CaseEvent]
) -> list[str]:
    """Steps that do not agree with one another although each is intact.

    What was paid of an earlier decision was signed for then; the last signature is about the last decision alone.
    """
    signed = next((event for event in reversed(events) if event.action in chain_of_payments.SIGNATURES), None)
    made = [*handed_out, *(payment for payment in payments if payment.state != Payment.State.CANCELLED)]
    last = max((payment.reservation_id for payment in made), default=None)
    parts = {part.n: part for part in Instalment.objects.filter(reservation=last)} if last else {}
    found = _plan_against_signature(last, signed) if parts and signed else []
    for payment in (payment for payment in made if payment.reservation_id == last):
        if parts:
            found += _part_against_plan(payment, parts)
        elif signed and payment.amount_fen != signed.amount_fen:
            found.append(
                _("第 1 步和第 3 步对不上：付款 %(paid)s 元，批准的是 %(signed)s 元。")
                % {"paid": yuan(payment.amount_fen), "signed": yuan(signed.amount_fen)}
            )
    if signed and signed.digest and case.approved_digest and signed.digest != case.approved_digest:
        found.append(_("第 3 步签字覆盖的材料，和现在个案里记的不是同一份。"))
    return found


def _plan_against_signature(reservation_id: int, signed: CaseEvent) -> list[str]:
    """The parts as they were laid down are together what was signed; checking one for less lowers it afterwards."""
    laid = Instalment.history.filter(reservation_id=reservation_id, history_type="+").order_by()
    planned_fen = laid.aggregate(fen=Sum("amount_fen", default=0))["fen"]
    if planned_fen == signed.amount_fen:
        return []
    return [
        _("第 1 步和第 3 步对不上：各期加起来 %(planned)s 元，批准的是 %(signed)s 元。")
        % {"planned": yuan(planned_fen), "signed": yuan(signed.amount_fen)}
    ]


def _part_against_plan(payment: Payment, parts: dict[int, Instalment]) -> list[str]:
    part = parts.get(payment.instalment)
    if part is not None and part.amount_fen == payment.amount_fen:
        return []
    planned_fen = part.amount_fen if part else 0
    return [
        _("第 1 步对不上：第 %(n)d 期付款 %(paid)s 元，这一期定的是 %(planned)s 元。")
        % {"n": payment.instalment, "paid": yuan(payment.amount_fen), "planned": yuan(planned_fen)}
    ]
