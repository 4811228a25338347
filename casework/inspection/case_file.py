"""The file of one case as a document: what its maker may see of it, with every step, every signature and every fen.

Numbers of identity cards and accounts keep their last four digits; answers that her post does not see are left out, and
the file says which kinds.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from access.roles import title_of
from casework import chain
from casework.auditing.models import RuleHit
from casework.auditing.rules import RULES
from casework.days import full_day, full_moment
from casework.inspection.findings import NO_FINDINGS, Findings, question_table
from casework.inspection.money import money
from casework.inspection.village import village
from casework.models import Case
from casework.trail import Trail, of_case
from casework.typeset import Facts, Part, Table, Words
from casework.visibility import Sight
from families import survey_form
from flows.states import ACTIONS, DUTIES, STATES
from funds.models import BankLine, Payment, Transfer
from funds.money import yuan

SECRECY_WORDS = {
    survey_form.MEANS: lambda: _("收入和家产"),
    survey_form.HEALTH: lambda: _("身体"),
    survey_form.MENTAL: lambda: _("心情和日常生活"),
}


@dataclass(frozen=True)
class PaperInPack:
    """A paper or photo beside the file: where it lies in the pack, and whether it is what was taken in."""

    title: str
    on: Any
    name: str
    sha256: str
    problem: str = ""


@dataclass(frozen=True)
class CaseFile:
    """One case with what was read for it once."""

    case: Case
    trail: Trail
    ways: list[tuple[Payment, list[chain.Step]]]
    transfers: list[Transfer]
    bank_lines: list[BankLine]
    sight: Sight
    papers: list[PaperInPack]
    findings: Findings

    @classmethod
    def of(cls, case: Case, sight: Sight, papers: list[PaperInPack], findings: Findings) -> "CaseFile":
        trail = of_case(case)
        payments = sorted(trail.payments, key=lambda payment: payment.pk)
        return cls(
            case,
            trail,
            [(payment, chain.steps(trail.material, payment)) for payment in payments],
            list(Transfer.objects.filter(subject=case.subject).select_related("recorded_by").order_by("id")),
            list(BankLine.objects.filter(payment__in=payments).select_related("file").order_by("id")),
            sight,
            papers,
            findings,
        )

    def parts(self) -> list[Part]:
        """The chapters of the file, each always there: what is empty says so."""
        chapters = (
            (_("基本情况"), self._about()),
            (_("办理经过"), self._acts()),
            (_("入户调查"), self._survey()),
            (_("评议和公示"), village(self.case)),
            (_("付款和来路"), money(self)),
            (_("帮扶和回访"), self._help()),
            (_("材料"), self._papers()),
            (_("审计发现和问答"), self._findings()),
            (_("记录校验"), self._trail()),
        )
        if self.findings is NO_FINDINGS:
            chapters = tuple(chapter for n, chapter in enumerate(chapters) if n != 7)
        return [Part(f"{n}　{title}", list(pieces)) for n, (title, pieces) in enumerate(chapters, start=1)]

    def _about(self) -> Iterator[Any]:
        case, account = self.case, self.case.payee_account
        yield Facts(
            [
                (_("个案编号"), case.case_no),
                (_("帮扶"), case.spec.title),
                (_("户主"), f"{case.head_name}　{case.household_no}"),
                (_("受益人"), f"{case.beneficiary.name}　{case.beneficiary.id_masked}"),
                (_("地方"), f"{case.township.name} {case.village.name}"),
                (_("状态"), STATES[case.state].title),
                (_("金额"), _("%(amount)s 元") % {"amount": yuan(case.amount_fen)}),
                (_("收款账户"), f"{account.holder.name} {account.bank} {account.masked}" if account else "—"),
                (_("立案"), full_day(case.opened_on)),
                (_("结案"), full_day(case.closed_on) or "—"),
                (_("按哪一版规则"), _("第 %(n)d 版") % {"n": case.version.number}),
                (_("说明"), case.summary or "—"),
            ]
        )
        yield Table(
            [_("岗位"), _("谁"), _("哪天起")],
            [
                (DUTIES[duty.duty], duty.staff.name, full_day(duty.since))
                for duty in case.duties.select_related("staff").order_by("since", "id")
            ],
            wide=(0,),
        )

    def _acts(self) -> Iterator[Any]:
        rows = []
        for event in self.case.events.select_related("by", "on_behalf_of").order_by("n"):
            done = ACTIONS[event.action].done if event.action in ACTIONS else _("开案")
            who = event.by.name if event.by else _("系统")
            if event.on_behalf_of:
                who += _("（代 %(principal)s）") % {"principal": event.on_behalf_of.name}
            role = "" if event.by_role in ("anyone", "system") else title_of(event.by_role)
            rows.append(
                (
                    event.n,
                    full_day(event.business_date),
                    full_moment(event.recorded_at),
                    done,
                    f"{who} {role}".strip(),
                    yuan(event.amount_fen) if event.amount_fen else "",
                    f"{event.reason} {event.digest[:16]}".strip(),
                )
            )
        heads = (_("序"), _("日期"), _("录入"), _("做了什么"), _("谁"), _("金额（元）"), _("理由、签字覆盖的内容"))
        yield Table(heads, rows, wide=(6,), right=(0, 5))

    def _survey(self) -> Iterator[Any]:
        survey = self.case.survey
        if survey is None:
            yield Words([_("还没有调查表。")])
            return
        yield Facts(
            [
                (_("第几版"), _("第 %(n)d 版") % {"n": survey.version}),
                (_("日期"), full_day(survey.surveyed_on)),
                (_("两名调查人"), f"{survey.surveyor.name}、{survey.second_surveyor.name}"),
                (_("同意"), survey.get_consent_how_display()),
                (_("指纹"), survey.digest),
                *([(_("自己的话"), survey.needs_words)] if self.sight.needs else []),
            ]
        )
        rows = [
            (subject.title, answer.label, _said(answer))
            for subject in survey_form.SUBJECTS
            for answer in survey_form.answers(subject, survey.facts, self.sight.hidden)
        ]
        rows += [
            (name, answer.label, _said(answer))
            for name, answers in survey_form.member_answers(survey.facts, self.sight.hidden)
            for answer in answers
        ]
        yield Table([_("哪方面"), _("问什么"), _("回答")], rows, wide=(2,))
        if self.sight.hidden:
            kinds = _("、").join(SECRECY_WORDS[kind]() for kind in sorted(self.sight.hidden))
            yield Words([_("做这包的人按岗位看不到、所以没有写进来的：%(kinds)s。") % {"kinds": kinds}])
        others = [other for other in self.trail.surveys if other.pk != survey.pk]
        if others:
            yield Table(
                [_("这一户的其他版本"), _("日期"), _("调查人"), _("为什么改"), _("指纹")],
                [
                    (
                        other.version,
                        full_day(other.surveyed_on),
                        other.surveyor.name,
                        other.change_reason,
                        other.digest[:16],
                    )
                    for other in others
                ],
                wide=(3,),
            )

    def _help(self) -> Iterator[Any]:
        measures, visits = list(self.case.measures.all()), list(self.case.visits.select_related("visitor"))
        if measures:
            yield Table(
                [_("措施"), _("对应的话"), _("谁来办"), _("状态"), _("落实")],
                [
                    (one.title, one.need_words, one.partner, one.get_state_display(), full_day(one.delivered_on))
                    for one in measures
                ],
                wide=(0, 1),
            )
        made = [visit for visit in visits if visit.visited_on] if self.sight.needs else []
        if made:
            yield Table(
                [_("回访"), _("谁去的"), _("满意"), _("怎么说")],
                [(full_day(one.visited_on), one.visitor.name, one.satisfaction or "", one.words) for one in made],
                wide=(3,),
            )
        if not measures and not made:
            yield Words([_("没有帮扶计划，也没有回访记录。")])

    def _papers(self) -> Iterator[Any]:
        if not self.papers:
            yield Words([_("没有交过材料。")])
            return
        yield Table(
            [_("材料"), _("哪天"), _("文件"), _("原件的 SHA-256")],
            [(paper.title, full_day(paper.on), paper.name, paper.problem or paper.sha256) for paper in self.papers],
            wide=(2, 3),
        )

    def _findings(self) -> Iterator[Any]:
        hits = self.findings.hits.get(self.case.pk, [])
        if self.findings.run is None:
            yield Words([_("这个地方还没有按规则查过。")])
        elif not hits:
            words = _("%(day)s 按规则查过，这一件没有查到。")
            yield Words([words % {"day": full_day(self.findings.run.as_of)}])
        else:
            yield Table(
                [_("规则"), _("查到什么"), _("核实的结果")],
                [(RULES[hit.rule].title, RULES[hit.rule].sentence(hit.facts), self._verdict(hit)) for hit in hits],
                wide=(1, 2),
            )
        for question in self.findings.questions.get(self.case.pk, []):
            yield question_table(question)

    def _verdict(self, hit: RuleHit) -> str:
        verdict = self.findings.verdicts.get(hit.pk)
        return f"{verdict.because}（{verdict.judged_by.name}）" if verdict else _("还没有核实")

    def _trail(self) -> Iterator[Any]:
        trail = self.trail
        yield Words(
            [
                _("这一件的记录和链条全部对得上。") if trail.is_intact else _("记录断了，对不上："),
                *(
                    f"{problem.message}（{problem.stream} {problem.table} #{problem.row}）"
                    for problem in trail.problems
                ),
                *trail.disagreements,
            ]
        )
        yield Table(
            [_("链条"), _("条数"), _("封存"), _("最后一条的指纹")],
            [
                (f"{stream.title} {stream.name}", len(stream.links), stream.sealed, _last_hash(stream))
                for stream in trail.streams
            ],
            wide=(3,),
            right=(1, 2),
        )


def _said(answer: survey_form.Answer) -> str:
    if answer.kind == "money":
        return _("%(amount)s 元") % {"amount": yuan(int(answer.value))}
    if answer.kind == "count":
        return ngettext("%(n)d 人", "%(n)d 人", int(answer.value)) % {"n": int(answer.value)}
    return str(answer.value)


def _last_hash(stream: Any) -> str:
    return stream.links[-1].hash if stream.links else ""
