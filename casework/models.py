"""The story of one application for help: the case, what was decided about it, and what came of it."""

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django_fsm import GET_STATE, FSMField, transition

from access.models import Placed
from audit.history import tracked
from families.catalogue import DOMAINS
from families.models import BankAccount, Document, Household, Lead, Person, Survey
from flows.models import ProgrammeVersion
from flows.programmes import PROGRAMMES
from flows.services import version as version_by_id
from flows.spec import TIERS, Spec
from flows.states import DUTIES, STATES
from funds.models import Provider

STAFF = settings.AUTH_USER_MODEL


class Case(Placed):
    """One application under one programme. `state` is the only truth of where it stands; `services.act` alone moves it.

    `turn_role`, `due_on` and `is_open` say what the queue needs and are set with the state, by act() alone.
    """

    case_no = models.CharField(max_length=20, unique=True)
    programme = models.CharField(max_length=30, choices=[(code, code) for code in PROGRAMMES])
    version = models.ForeignKey(ProgrammeVersion, models.PROTECT, related_name="+", db_index=False)
    household = models.ForeignKey(Household, models.PROTECT, related_name="cases")
    household_no = models.CharField(max_length=19)
    head_name = models.CharField(max_length=60, help_text="for lists; the household's head when the case was opened")
    beneficiary = models.ForeignKey(Person, models.PROTECT, related_name="cases", db_index=False)
    lead = models.ForeignKey(Lead, models.PROTECT, null=True, related_name="cases", db_index=False)
    cause = models.CharField(max_length=30, blank=True)
    summary = models.CharField(max_length=200, blank=True)

    state = FSMField(default="lead", protected=True, max_length=24, choices=[(code, code) for code in STATES])
    tier = models.CharField(max_length=2, blank=True, choices=[(tier, tier) for tier in TIERS])
    return_to = models.CharField(max_length=24, blank=True)
    turn_role = models.CharField(max_length=20, blank=True)
    due_on = models.DateField(null=True)
    is_open = models.BooleanField(default=True)
    acts = models.IntegerField(default=0, help_text="number of acts so far; the timeline's length")

    amount_fen = models.BigIntegerField(default=0)
    survey = models.ForeignKey(Survey, models.PROTECT, null=True, related_name="+", db_index=False)
    payee_account = models.ForeignKey(BankAccount, models.PROTECT, null=True, related_name="+", db_index=False)
    notice_round = models.SmallIntegerField(default=0)
    published_digest = models.CharField(max_length=64, blank=True, help_text="of what the last notice published")
    approved_digest = models.CharField(max_length=64, blank=True, help_text="of what the last signature covers")
    has_conflict = models.BooleanField(default=False, help_text="a cadre's relative: one tier up")
    makeup_due_on = models.DateField(null=True)
    opened_on = models.DateField()
    closed_on = models.DateField(null=True)
    opened_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", db_index=False)
    provider = models.ForeignKey(
        Provider, models.PROTECT, null=True, related_name="+", db_index=False, help_text="is paid for the family"
    )

    outcome = ""  # set by a step whose act finds out where it leads; never stored
    history = tracked()

    class Meta:
        indexes = [
            models.Index(
                fields=["township", "turn_role", "due_on", "id"], condition=Q(is_open=True), name="queue_township"
            ),
            models.Index(
                fields=["village", "turn_role", "due_on", "id"], condition=Q(is_open=True), name="queue_village"
            ),
            models.Index(
                fields=["county", "turn_role", "due_on", "id"], condition=Q(is_open=True), name="queue_county"
            ),
            models.Index(fields=["due_on", "id"], condition=Q(is_open=True), name="queue_everywhere"),
            models.Index(fields=["county", "state", "due_on", "id"], condition=Q(is_open=True), name="open_by_state"),
            models.Index(fields=["-id"], condition=Q(tier="T0"), name="released_first"),
            models.Index(fields=["county", "-id"], condition=Q(tier="T0"), name="released_first_in_county"),
            models.Index(fields=["village", "-id"], name="cases_of_village"),
            models.Index(fields=["township", "-id"], name="cases_of_township"),
            models.Index(fields=["amount_fen"], name="cases_by_amount"),
            models.Index(fields=["opened_on"], name="cases_by_day"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount_fen__gte=0), name="amount_not_negative"),
            models.CheckConstraint(
                condition=Q(is_open=True, closed_on__isnull=True) | Q(is_open=False, closed_on__isnull=False),
                name="closed_with_its_date",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["fund_reserved", "in_payment", "paid"]) | ~Q(tier=""), name="money_needs_a_tier"
            ),
            models.UniqueConstraint(
                fields=["beneficiary", "programme"], condition=Q(is_open=True), name="one_open_case_a_programme"
            ),
        ]

    def __str__(self) -> str:
        return self.case_no

    @property
    def spec(self) -> Spec:
        return PROGRAMMES[self.programme]

    @property
    def rules(self) -> Any:
        """The parameters of the programme version that the case was opened under."""
        return version_by_id(self.version_id).rules

    @property
    def subject(self) -> str:
        """The key by which lower layers know this case."""
        return f"case:{self.pk}"

    @transition(
        field=state,
        source="*",
        target=GET_STATE(
            lambda case, action, **_: case.spec.target(
                case.state, action, tier=case.tier, return_to=case.return_to, outcome=case.outcome
            ),
            states=tuple(STATES),
        ),
    )
    def take(self, action: str) -> None:
        """The one FSM verb: along the edge that the programme's spec names. Only services.act calls it."""


class CaseDuty(models.Model):
    """Which duty a natural person holds in a case. One person, one duty: the key says so."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="duties")
    person_key = models.CharField(max_length=32)
    duty = models.CharField(max_length=20, choices=[(code, code) for code in DUTIES])
    staff = models.ForeignKey(STAFF, models.PROTECT, related_name="+", db_index=False)
    since = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "person_key"], name="one_person_one_duty")]


class CaseEvent(models.Model):
    """One act: who did what, why, and where it led. Append-only; `key` makes a retry the same act."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="events")
    n = models.IntegerField(help_text="counts the acts of the case from 1")
    action = models.CharField(max_length=24)
    from_state = models.CharField(max_length=24, blank=True)
    to_state = models.CharField(max_length=24)
    by = models.ForeignKey(STAFF, models.PROTECT, null=True, related_name="+", db_index=False)
    by_role = models.CharField(max_length=20)
    on_behalf_of = models.ForeignKey(STAFF, models.PROTECT, null=True, related_name="+", db_index=False)
    person_key = models.CharField(max_length=32, blank=True)
    reason = models.TextField(blank=True)
    reason_code = models.CharField(max_length=30, blank=True)
    amount_fen = models.BigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True, help_text="of what a signature covers")
    data = models.JSONField(default=dict)
    key = models.CharField(max_length=100, unique=True)
    business_date = models.DateField()
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["case_id", "n"]
        indexes = [
            models.Index(
                fields=["action", "business_date", "id"],
                condition=Q(action__in=["approve", "emergency_release"]),
                name="decisions_by_day",
            )
        ]
        constraints = [models.UniqueConstraint(fields=["case", "n"], name="acts_count_up")]


class Deliberation(models.Model):
    """民主评议: villagers hear the case, relatives leave the room, the others vote."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="deliberations")
    round = models.SmallIntegerField()
    held_on = models.DateField()
    place = models.CharField(max_length=80)
    host = models.CharField(max_length=60)
    recorder = models.CharField(max_length=60)
    due_count = models.SmallIntegerField(help_text="who should have come")
    present_count = models.SmallIntegerField()
    recused = ArrayField(
        models.CharField(max_length=100), default=list, blank=True, help_text="name and relation of each"
    )
    votes_for = models.SmallIntegerField()
    votes_against = models.SmallIntegerField()
    votes_abstain = models.SmallIntegerField()
    minutes = models.TextField()
    recorded_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+")

    history = tracked()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "round"], name="deliberation_rounds_count_up"),
            models.CheckConstraint(condition=Q(present_count__lte=F("due_count")), name="present_are_due"),
            models.CheckConstraint(
                condition=Q(votes_for__gte=0, votes_against__gte=0, votes_abstain__gte=0), name="votes_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(present_count__gte=F("votes_for") + F("votes_against") + F("votes_abstain")),
                name="votes_by_those_present",
            ),
        ]


class PublicNotice(models.Model):
    """What was published, word for word, for a time that cannot be shortened. `facts` holds whitelisted fields alone."""

    class Kind(models.TextChoices):
        VILLAGE = "village"
        EXIT = "exit"

    case = models.ForeignKey(Case, models.PROTECT, related_name="notices")
    kind = models.CharField(max_length=10, choices=Kind)
    round = models.SmallIntegerField()
    village = models.ForeignKey("access.OrgUnit", models.PROTECT, related_name="+", db_index=False)
    starts_on = models.DateField()
    ends_on = models.DateField(help_text="last day; it ends at midnight")
    facts = models.JSONField()
    digest = models.CharField(max_length=64)
    ended_on = models.DateField(null=True)
    outcome = models.CharField(max_length=10, blank=True, choices=[("clear", _("没有异议")), ("objected", _("有异议"))])

    history = tracked()

    class Meta:
        indexes = [models.Index(fields=["village", "-starts_on"], name="notices_of_village")]
        constraints = [
            models.UniqueConstraint(fields=["case", "kind", "round"], name="notice_rounds_count_up"),
            models.CheckConstraint(condition=Q(ends_on__gt=F("starts_on")), name="notice_lasts"),
            models.CheckConstraint(
                condition=~Q(outcome="clear") | Q(ended_on__gt=F("ends_on")), name="notice_is_not_shortened"
            ),
        ]


class Objection(models.Model):
    """Somebody disagrees with a notice. The village that surveyed does not judge it."""

    notice = models.ForeignKey(PublicNotice, models.PROTECT, related_name="objections")
    raised_on = models.DateField()
    words = models.TextField()
    raised_by = models.CharField(max_length=60, blank=True, help_text="may stay empty: nobody has to give a name")
    contact = models.CharField(max_length=60, blank=True)
    answer = models.TextField(blank=True)
    upheld = models.BooleanField(null=True)
    answered_on = models.DateField(null=True)
    answered_by = models.ForeignKey(STAFF, models.PROTECT, null=True, related_name="+")

    history = tracked()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(upheld__isnull=True, answered_on__isnull=True)
                | (Q(upheld__isnull=False, answered_on__isnull=False) & ~Q(answer="")),
                name="objection_answered_in_writing",
            )
        ]


class Measure(models.Model):
    """One line of the support plan (一户一策). Planned and delivered are counted apart."""

    class State(models.TextChoices):
        PLANNED = "planned", _("计划")
        ACTIVE = "active", _("进行中")
        DELIVERED = "delivered", _("已落实")
        DROPPED = "dropped", _("取消")

    case = models.ForeignKey(Case, models.PROTECT, related_name="measures")
    domain = models.CharField(max_length=20, choices=DOMAINS)
    title = models.CharField(max_length=60)
    detail = models.CharField(max_length=200, blank=True)
    need_words = models.CharField(max_length=200, blank=True, help_text="the need it answers, in the family's words")
    partner = models.CharField(max_length=60, blank=True)
    planned_for = models.DateField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.PLANNED)
    delivered_on = models.DateField(null=True, blank=True)

    history = tracked()

    class Meta:
        ordering = ["case_id", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["case", "title"], condition=~Q(state="dropped"), name="a_measure_once_in_a_plan"
            ),
            models.CheckConstraint(
                condition=Q(state="delivered", delivered_on__isnull=False)
                | (~Q(state="delivered") & Q(delivered_on__isnull=True)),
                name="delivered_with_its_date",
            ),
        ]


class FollowUpVisit(models.Model):
    """A visit after the help: due by the schedule, or made without one."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="visits")
    due_on = models.DateField()
    visited_on = models.DateField(null=True)
    visitor = models.ForeignKey(STAFF, models.PROTECT, null=True, related_name="+")
    satisfaction = models.SmallIntegerField(null=True)
    knew_could_apply = models.BooleanField(null=True)
    used_as_meant = models.BooleanField(null=True)
    words = models.TextField(blank=True)

    history = tracked()

    class Meta:
        ordering = ["case_id", "due_on"]
        indexes = [models.Index(fields=["due_on"], condition=Q(visited_on__isnull=True), name="visits_due")]
        constraints = [
            models.CheckConstraint(
                condition=Q(visited_on__isnull=True, visitor__isnull=True)
                | Q(visited_on__isnull=False, visitor__isnull=False),
                name="visited_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(satisfaction__isnull=True) | Q(satisfaction__gte=1, satisfaction__lte=5),
                name="satisfaction_1_to_5",
            ),
        ]


class CaseDocument(models.Model):
    """A document that was handed in for a case."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="papers")
    document = models.ForeignKey(Document, models.PROTECT, related_name="+")
    kind = models.CharField(max_length=30)
    added_on = models.DateField()

    history = tracked()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["case", "document"], name="a_document_once_in_a_case")]


class ServiceEntry(models.Model):
    """One service that a provider gave a family (a meal, an hour of care), signed for; billed with an instalment.

    Never changed: a wrong one is withdrawn before it is billed, and written anew.
    """

    case = models.ForeignKey(Case, models.PROTECT, related_name="services")
    served_on = models.DateField()
    what = models.CharField(max_length=60)
    minutes = models.IntegerField()
    amount_fen = models.BigIntegerField()
    signed_by = models.CharField(max_length=60, help_text="who signed for it: the person herself, or who for her")
    recorded_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+")
    recorder_person_key = models.CharField(max_length=32)
    instalment = models.SmallIntegerField(null=True, help_text="the part that it was billed with")
    key = models.CharField(max_length=60, unique=True, null=True, help_text="one pressing of the button")
    withdrawn_on = models.DateField(null=True)
    withdraw_reason = models.CharField(max_length=200, null=True)

    history = tracked()

    class Meta:
        ordering = ["case_id", "served_on", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(minutes__gt=0, amount_fen__gt=0), name="service_is_positive"),
            models.CheckConstraint(condition=~Q(signed_by=""), name="service_is_signed_for"),
            models.CheckConstraint(condition=Q(minutes__lte=24 * 60), name="service_fits_a_day"),
            models.CheckConstraint(
                condition=Q(withdrawn_on__isnull=True, withdraw_reason__isnull=True)
                | (Q(withdrawn_on__isnull=False, instalment__isnull=True) & ~Q(withdraw_reason="")),
                name="only_unbilled_service_is_withdrawn",
            ),
        ]


class SurveyDraft(models.Model):
    """A survey being filled in, page by page: not yet a finding, so it has no history and goes when it is recorded."""

    household = models.ForeignKey(Household, models.PROTECT, related_name="+")
    staff = models.ForeignKey(STAFF, models.PROTECT, related_name="+")
    case = models.ForeignKey(Case, models.PROTECT, null=True, related_name="+", db_index=False)
    answers = models.JSONField(default=dict, help_text="{page: cleaned answers}, see casework.desks.village.survey")
    saved_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["household", "staff"], name="one_draft_a_family_and_person")]


class Alert(models.Model):
    """A deadline has passed: whom the worker told, and when. One for each state and step of escalation."""

    case = models.ForeignKey(Case, models.PROTECT, related_name="alerts")
    act = models.IntegerField(help_text="the case's number of acts when the deadline ran")
    level = models.SmallIntegerField(help_text="1: whose turn it is; 2: one level up")
    role = models.CharField(max_length=20)
    due_on = models.DateField()
    raised_on = models.DateField()
    settled_on = models.DateField(null=True)

    history = tracked()

    class Meta:
        indexes = [models.Index(fields=["role"], condition=Q(settled_on__isnull=True), name="alerts_open")]
        constraints = [models.UniqueConstraint(fields=["case", "act", "level"], name="one_alert_a_step")]


from casework.auditing.models import (  # noqa: E402, F401  (what auditors do, in a package of its own)
    Question,
    QuestionEntry,
    RuleHit,
    RuleParameter,
    RuleRun,
    RuleVerdict,
    Sample,
)
from casework.inspection.models import InspectionPack, PackVolume  # noqa: E402, F401  (what is handed to inspectors)
from casework.relatives.models import HomeCheck, RelativeFlag  # noqa: E402, F401  (families of those who work here, in a package of its own)
from casework.retention.models import RetentionPeriod  # noqa: E402, F401  (how long files are kept)
from casework.rosters.models import Roster, RosterBatch, RosterLine, RosterSignature  # noqa: E402, F401  (lists beside cases, in a package of their own)
