"""What money there is: funds, what they are set aside for, the accounts it stands on, and every movement between them.

All amounts are whole fen. What may not happen is refused by PostgreSQL itself; see migrations/0002_ledger.py.
"""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from access.models import OrgUnit
from audit.history import tracked


class Fund(models.Model):
    """Money from one source for stated purposes. An empty list of programmes means: any.

    The other earmarks are null where there is none; funds_transfer_guard and funds_reservation_guard hold all of them.
    """

    class Source(models.TextChoices):
        FISCAL = "fiscal", _("财政资金")
        RAISED = "raised", _("募集资金")
        IN_KIND = "in_kind", _("实物")
        PARTNER = "partner", _("合作单位")
        DUES = "dues", _("会费")

    class Level(models.TextChoices):
        CENTRAL = "central", _("中央")
        PROVINCE = "province", _("省级")
        PREFECTURE = "prefecture", _("市级")
        COUNTY = "county", _("县级")
        TOWNSHIP = "township", _("乡镇")

    code = models.CharField(max_length=30, unique=True)
    name = models.CharField(max_length=80)
    source = models.CharField(max_length=10, choices=Source)
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", help_text="who keeps it")
    programmes = ArrayField(models.CharField(max_length=30), default=list, blank=True)
    document_no = models.CharField(max_length=60, blank=True)
    fiscal_level = models.CharField(max_length=10, choices=Level, null=True, help_text="whose budget it came from")
    purposes = ArrayField(models.CharField(max_length=30), null=True, help_text="causes of hardship it may answer")
    only_unit = models.ForeignKey(
        OrgUnit, models.PROTECT, null=True, related_name="+", help_text="only there and in what lies within"
    )
    first_year = models.SmallIntegerField(null=True)
    last_year = models.SmallIntegerField(null=True, help_text="the last budget year in which it may be spent")

    history = tracked()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(first_year__isnull=True) | Q(last_year__isnull=True) | Q(last_year__gte=F("first_year")),
                name="fund_years_in_order",
            ),
            models.CheckConstraint(
                condition=Q(fiscal_level__isnull=True) | Q(source="fiscal"), name="a_level_of_fiscal_money_only"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Allocation(models.Model):
    """A part of a fund set aside for one programme, one org unit and one year (专款专用).

    With a `parent` its money comes out of that allocation, county to township to programme; one without a programme is
    only there to be divided.
    """

    fund = models.ForeignKey(Fund, models.PROTECT, related_name="allocations")
    programme = models.CharField(max_length=30)
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+")
    year = models.SmallIntegerField()
    document_no = models.CharField(max_length=60, blank=True)
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="parts")
    plan_fen = ArrayField(
        models.BigIntegerField(), size=12, null=True, help_text="what is to be paid in each month; null: evenly"
    )

    history = tracked()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["fund", "programme", "unit", "year"], name="one_allocation_a_purpose"),
            models.CheckConstraint(
                condition=Q(plan_fen__isnull=True) | Q(plan_fen__len=12),
                name="plan_of_twelve_months",
            ),
        ]


class Account(models.Model):
    """Where money stands. `credit_fen - debit_fen` is the balance; only a transfer moves it."""

    class Kind(models.TextChoices):
        SOURCE = "source"  # outside; negative by nature
        AVAILABLE = "available"
        ALLOCATED = "allocated"
        COMMITTED = "committed"
        IN_PAYMENT = "in_payment"
        PAID = "paid"  # outside
        IMPREST = "imprest"  # in a township's hands, to help at once (备用金)
        IMPREST_SPENT = "imprest_spent"  # handed out of it; the papers are still to come

    fund = models.ForeignKey(Fund, models.PROTECT, related_name="accounts")
    allocation = models.ForeignKey(Allocation, models.PROTECT, null=True, related_name="accounts")
    kind = models.CharField(max_length=16, choices=Kind)
    debit_fen = models.BigIntegerField(default=0)
    credit_fen = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["fund", "kind"], condition=Q(allocation__isnull=True), name="one_fund_account"
            ),
            models.UniqueConstraint(
                fields=["allocation", "kind"], condition=Q(allocation__isnull=False), name="one_allocation_account"
            ),
            models.CheckConstraint(condition=Q(debit_fen__gte=0, credit_fen__gte=0), name="turnover_not_negative"),
            models.CheckConstraint(
                condition=Q(kind="source") | Q(credit_fen__gte=F("debit_fen")), name="never_overspent"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["source", "available"], allocation__isnull=True)
                | (~Q(kind__in=["source", "available"]) & Q(allocation__isnull=False)),
                name="account_at_its_level",
            ),
        ]

    @property
    def balance_fen(self) -> int:
        return self.credit_fen - self.debit_fen


class Reservation(models.Model):
    """Money kept for one approved decision. `subject` names what it is for, for example case:17."""

    key = models.CharField(max_length=80, unique=True)
    subject = models.CharField(max_length=40, db_index=True)
    allocation = models.ForeignKey(Allocation, models.PROTECT, related_name="reservations")
    village = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+")
    programme = models.CharField(max_length=30)
    amount_fen = models.BigIntegerField()
    released_fen = models.BigIntegerField(default=0)
    reserved_on = models.DateField()
    purpose = models.CharField(max_length=30, null=True, help_text="the cause of hardship that it answers")
    person_key = models.CharField(max_length=32, null=True, help_text="whom it helps, for limits per person and year")
    once_key = models.CharField(
        max_length=120, null=True, help_text="what may be decided only once, as the rules of the programme say it"
    )

    history = tracked()

    class Meta:
        indexes = [
            models.Index(
                fields=["person_key", "reserved_on"], condition=Q(person_key__isnull=False), name="help_of_a_person"
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["once_key"],
                condition=Q(once_key__isnull=False, released_fen__lt=F("amount_fen")),
                name="decided_only_once",
            ),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="reservation_is_positive"),
            models.CheckConstraint(
                condition=Q(released_fen__gte=0, released_fen__lte=F("amount_fen")), name="released_at_most_once"
            ),
        ]


class Transfer(models.Model):
    """One movement of money; it names both sides, so it cannot be unbalanced. Never changed: a mistake is reversed.

    `debit` is the account that gives, `credit` the one that receives. `subject` names the stream: case:17 or fund:3.
    """

    class Kind(models.TextChoices):
        RECEIVE = "receive"
        ALLOCATE = "allocate"
        DEALLOCATE = "deallocate"
        RESERVE = "reserve"
        RELEASE = "release"
        SEND = "send"
        SETTLE = "settle"
        BOUNCE = "bounce"
        CLAWBACK = "clawback"  # the bank returns a payment that it had reported as credited
        RECOVER = "recover"
        SUBALLOCATE = "suballocate"  # from an allocation to a part of it
        RETURN_UP = "return_up"  # and back
        CARRY_OVER = "carry_over"  # to the same purpose of the next year
        INTERFUND = "interfund"
        HAND_BACK = "hand_back"  # to whoever gave it
        IMPREST_ADVANCE = "imprest_advance"
        IMPREST_SPEND = "imprest_spend"
        IMPREST_SETTLE = "imprest_settle"  # the papers of what was handed out are accepted: it is paid
        IMPREST_REPLENISH = "imprest_replenish"
        IMPREST_RETURN = "imprest_return"

    key = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=20, choices=Kind)
    # Looked up by the indexes below alone: an account's last transfers come first, and not all that it ever had.
    debit = models.ForeignKey(Account, models.PROTECT, related_name="given", db_index=False)
    credit = models.ForeignKey(Account, models.PROTECT, related_name="received", db_index=False)
    amount_fen = models.BigIntegerField()
    subject = models.CharField(max_length=40, db_index=True)
    reservation = models.ForeignKey(Reservation, models.PROTECT, null=True, related_name="transfers")
    payment = models.ForeignKey("funds.Payment", models.PROTECT, null=True, related_name="transfers")
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="reversed_by")
    reason = models.TextField(blank=True)
    document_no = models.CharField(max_length=60, blank=True)
    business_date = models.DateField()
    recorded_at = models.DateTimeField(auto_now_add=True)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    proposal = models.ForeignKey("funds.Proposal", models.PROTECT, null=True, related_name="transfers")

    class Meta:
        indexes = [
            models.Index(fields=["debit", "id"]),
            models.Index(fields=["credit", "id"]),
            models.Index(fields=["business_date", "id"], name="transfers_by_day"),
            models.Index(fields=["document_no"], condition=~Q(document_no=""), name="transfers_by_document"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="transfer_is_positive"),
            models.CheckConstraint(condition=~Q(debit=F("credit")), name="transfer_has_two_sides"),
            models.CheckConstraint(condition=Q(reverses__isnull=True) | ~Q(reason=""), name="reversal_says_why"),
            models.UniqueConstraint(
                fields=["payment", "kind"],
                condition=Q(payment__isnull=False, reverses__isnull=True),
                name="a_payment_moves_once",
            ),
        ]
