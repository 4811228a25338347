"""The unit's own accounts at a bank, and how what the bank says is brought together with the books (银行存款余额调节).

A reconciliation is written once, with every item that explains it; a better one takes its place. Once a second person has
reviewed it, it stays the last word on that day.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from access.models import OrgUnit
from audit.history import tracked
from funds.models.ledger import Fund


class DepositAccount(models.Model):
    """An account of the unit at a bank, on which the money of funds stands. Another number is another row."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+")
    name = models.CharField(max_length=60, help_text="as the bank writes it, for example 青禾县财政专户")
    bank = models.CharField(max_length=60)
    account_sealed = models.BinaryField()
    account_index = models.CharField(max_length=32, unique=True)
    account_last4 = models.CharField(max_length=4)
    opened_on = models.DateField()
    ended_on = models.DateField(null=True)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")

    history = tracked()

    class Meta:
        ordering = ["unit_id", "name", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_on__isnull=True) | Q(ended_on__gte=F("opened_on")), name="deposit_dates_in_order"
            )
        ]

    def __str__(self) -> str:
        return f"{self.bank} {self.name} *{self.account_last4}"

    @property
    def account_row(self) -> str:
        return f"funds_depositaccount|account|{self.uid}"


class FundStanding(models.Model):
    """From `valid_from` on the money of this fund lies on that account."""

    account = models.ForeignKey(DepositAccount, models.PROTECT, related_name="standings")
    fund = models.ForeignKey(Fund, models.PROTECT, related_name="standings")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True)

    history = tracked()

    class Meta:
        ordering = ["valid_from", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["fund"], condition=Q(valid_to__isnull=True), name="a_fund_lies_in_one_account"
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")), name="standing_dates_in_order"
            ),
        ]


class StatedBalance(models.Model):
    """What the bank says lay on the account at the end of a day, and on which paper. Append-only; the newest counts."""

    account = models.ForeignKey(DepositAccount, models.PROTECT, related_name="stated")
    on = models.DateField()
    balance_fen = models.BigIntegerField()
    reference = models.CharField(max_length=60, help_text="number or page of the bank's statement")
    statement_sha256 = models.CharField(max_length=64, blank=True, help_text="fingerprint of its file, if there is one")
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    recorded_on = models.DateField()

    class Meta:
        ordering = ["-on", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(balance_fen__gte=0), name="stated_balance_not_negative"),
            models.CheckConstraint(condition=~Q(reference=""), name="stated_balance_names_its_paper"),
        ]


class Reconciliation(models.Model):
    """One account on one day: the books and what is open in them against the bank and what is open there.

    Both sides come to the same figure, or it is red and nobody can review it.
    """

    class State(models.TextChoices):
        PREPARED = "prepared", _("等复核")
        REVIEWED = "reviewed", _("已复核")
        REFUSED = "refused", _("退回重编")
        REPLACED = "replaced", _("已重编")

    key = models.CharField(max_length=80, unique=True)
    account = models.ForeignKey(DepositAccount, models.PROTECT, related_name="reconciliations")
    on = models.DateField()
    stated = models.ForeignKey(StatedBalance, models.PROTECT, related_name="reconciliations")
    bank_fen = models.BigIntegerField(help_text="what the bank says")
    books_fen = models.BigIntegerField(help_text="what the books say lies in the bank, see funds_in_the_bank")
    bank_received_fen = models.BigIntegerField(default=0)
    bank_paid_fen = models.BigIntegerField(default=0)
    books_received_fen = models.BigIntegerField(default=0)
    books_paid_fen = models.BigIntegerField(default=0)
    state = models.CharField(max_length=10, choices=State, default=State.PREPARED)
    prepared_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    preparer_person_key = models.CharField(max_length=32)
    prepared_on = models.DateField()
    reviewed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    reviewer_person_key = models.CharField(max_length=32, null=True)
    reviewed_on = models.DateField(null=True)
    answer = models.CharField(max_length=200, blank=True, help_text="why it was sent back")

    history = tracked()

    class Meta:
        ordering = ["-on", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "on"],
                condition=Q(state__in=["prepared", "reviewed"]),
                name="one_reconciliation_a_day",
            ),
            models.CheckConstraint(
                condition=~Q(preparer_person_key=F("reviewer_person_key")), name="preparer_is_not_reviewer"
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=["prepared", "replaced"], reviewed_on__isnull=True, reviewer_person_key__isnull=True
                )
                | Q(state__in=["reviewed", "refused"], reviewed_on__isnull=False, reviewer_person_key__isnull=False),
                name="reconciliation_reviewed_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(state="reviewed")
                | Q(
                    books_fen=F("bank_fen")
                    + F("books_received_fen")
                    - F("books_paid_fen")
                    - F("bank_received_fen")
                    + F("bank_paid_fen")
                ),
                name="reviewed_when_both_sides_agree",
            ),
            models.CheckConstraint(
                condition=~Q(state="refused") | ~Q(answer=""), name="reconciliation_refused_with_reason"
            ),
        ]

    @property
    def adjusted_books_fen(self) -> int:
        return self.books_fen + self.bank_received_fen - self.bank_paid_fen

    @property
    def adjusted_bank_fen(self) -> int:
        return self.bank_fen + self.books_received_fen - self.books_paid_fen

    @property
    def difference_fen(self) -> int:
        """What nobody has explained; 0 when both sides agree."""
        return self.adjusted_bank_fen - self.adjusted_books_fen


class OpenItem(models.Model):
    """One thing that stands on one side alone. `ref` names what it was derived from (batch:3:sent, transfer:17); manual ones have none."""

    class Side(models.TextChoices):
        BANK_RECEIVED = "bank_received", _("银行已收，账上未收")
        BANK_PAID = "bank_paid", _("银行已付，账上未付")
        BOOKS_RECEIVED = "books_received", _("账上已收，银行未收")
        BOOKS_PAID = "books_paid", _("账上已付，银行未付")

    reconciliation = models.ForeignKey(Reconciliation, models.PROTECT, related_name="items")
    n = models.SmallIntegerField()
    side = models.CharField(max_length=16, choices=Side)
    ref = models.CharField(max_length=40, null=True)
    name = models.CharField(max_length=80)
    amount_fen = models.BigIntegerField()
    since = models.DateField(help_text="the day of the business event that it waits for an answer to")
    reason = models.CharField(max_length=200)
    settled_by = models.CharField(max_length=60, help_text="who sees to it")

    class Meta:
        ordering = ["reconciliation_id", "n"]
        constraints = [
            models.UniqueConstraint(fields=["reconciliation", "n"], name="open_items_count_up"),
            models.UniqueConstraint(
                fields=["reconciliation", "ref"], condition=Q(ref__isnull=False), name="an_open_item_once"
            ),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="open_item_is_positive"),
            models.CheckConstraint(
                condition=~Q(name="") & ~Q(reason="") & ~Q(settled_by=""), name="open_item_says_what_why_and_who"
            ),
        ]
