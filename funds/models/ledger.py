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
    """Money from one source for stated purposes. An empty list of programmes means: any."""

    class Source(models.TextChoices):
        FISCAL = "fiscal", _("财政资金")
        RAISED = "raised", _("募集资金")
        IN_KIND = "in_kind", _("实物")
        PARTNER = "partner", _("合作单位")
        DUES = "dues", _("会费")

    code = models.CharField(max_length=30, unique=True)
    name = models.CharField(max_length=80)
    source = models.CharField(max_length=10, choices=Source)
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", help_text="who keeps it")
    programmes = ArrayField(models.CharField(max_length=30), default=list, blank=True)
    document_no = models.CharField(max_length=60, blank=True)

    history = tracked()

    def __str__(self) -> str:
        return self.name


class Allocation(models.Model):
    """A part of a fund set aside for one programme, one org unit and one year (专款专用)."""

    fund = models.ForeignKey(Fund, models.PROTECT, related_name="allocations")
    programme = models.CharField(max_length=30)
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+")
    year = models.SmallIntegerField()
    document_no = models.CharField(max_length=60, blank=True)

    history = tracked()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["fund", "programme", "unit", "year"], name="one_allocation_a_purpose")
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

    fund = models.ForeignKey(Fund, models.PROTECT, related_name="accounts")
    allocation = models.ForeignKey(Allocation, models.PROTECT, null=True, related_name="accounts")
    kind = models.CharField(max_length=12, choices=Kind)
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

    history = tracked()

    class Meta:
        constraints = [
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

    key = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=12, choices=Kind)
    debit = models.ForeignKey(Account, models.PROTECT, related_name="given")
    credit = models.ForeignKey(Account, models.PROTECT, related_name="received")
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

    class Meta:
        indexes = [models.Index(fields=["debit", "id"]), models.Index(fields=["credit", "id"])]
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
