"""Closed months: what they say is never changed again."""

from django.db import models
from django.db.models import F, Q

from access.models import OrgUnit
from audit.history import tracked
from funds.models.ledger import Account
from funds.models.proposals import Proposal


class Period(models.Model):
    """A closed month of one unit's books; there is no row for a month that is open. Closed in order, by two persons."""

    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+")
    year = models.SmallIntegerField()
    month = models.SmallIntegerField()
    proposal = models.OneToOneField(Proposal, models.PROTECT, related_name="period")
    closed_on = models.DateField()
    transfers = models.IntegerField(help_text="how many fall into it")
    digest = models.CharField(max_length=64, help_text="SHA-256 of its totals")

    history = tracked()

    class Meta:
        ordering = ["-year", "-month"]
        constraints = [
            models.UniqueConstraint(fields=["unit", "year", "month"], name="a_month_is_closed_once"),
            models.CheckConstraint(condition=Q(month__gte=1, month__lte=12), name="month_1_to_12"),
        ]

    def __str__(self) -> str:
        return f"{self.year}-{self.month:02}"


class PeriodTotal(models.Model):
    """One account in one closed month, in fen; opening + credit - debit = closing. Append-only."""

    period = models.ForeignKey(Period, models.PROTECT, related_name="totals")
    account = models.ForeignKey(Account, models.PROTECT, related_name="+")
    opening_fen = models.BigIntegerField()
    debit_fen = models.BigIntegerField()
    credit_fen = models.BigIntegerField()
    closing_fen = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["period", "account"], name="an_account_once_a_period"),
            models.CheckConstraint(
                condition=Q(closing_fen=F("opening_fen") + F("credit_fen") - F("debit_fen")), name="period_adds_up"
            ),
        ]
