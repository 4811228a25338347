"""Money in a township's hands, to help at once (备用金): the float, what was paid out of it, its counts and its refills.

The money itself stands on the accounts `imprest` and `imprest_spent` of the float's allocation; see funds/imprest.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from audit.history import tracked
from funds.models.ledger import Allocation, Reservation
from funds.models.payments import CashHandover
from funds.models.proposals import Proposal


class ImprestFloat(models.Model):
    """What a township may hold of one allocation, and who keeps it. Two persons set the limit and the custodian."""

    allocation = models.ForeignKey(Allocation, models.PROTECT, related_name="floats")
    custodian = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    custodian_person_key = models.CharField(max_length=32)
    limit_fen = models.BigIntegerField()
    proposal = models.OneToOneField(Proposal, models.PROTECT, related_name="+", help_text="who set this limit")
    opened_on = models.DateField()
    ended_on = models.DateField(null=True)

    history = tracked()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["allocation"], condition=Q(ended_on__isnull=True), name="one_float_an_allocation"
            ),
            models.CheckConstraint(
                condition=Q(ended_on__isnull=True, limit_fen__gt=0) | Q(ended_on__isnull=False, limit_fen=0),
                name="float_has_a_limit_until_it_ends",
            ),
        ]


class ImprestRefill(models.Model):
    """The township asks the bank for what was settled; somebody else says that it was paid. Its spends name it."""

    key = models.CharField(max_length=80, unique=True)
    float = models.ForeignKey(ImprestFloat, models.PROTECT, related_name="refills")
    amount_fen = models.BigIntegerField()
    asked_on = models.DateField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asker_person_key = models.CharField(max_length=32)
    paid_on = models.DateField(null=True)
    paid_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    payer_person_key = models.CharField(max_length=32, null=True)
    bank_reference = models.CharField(max_length=60, blank=True)

    history = tracked()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="refill_is_positive"),
            models.CheckConstraint(condition=~Q(asker_person_key=F("payer_person_key")), name="asker_is_not_refiller"),
            models.CheckConstraint(
                condition=Q(paid_on__isnull=True, payer_person_key__isnull=True)
                | Q(paid_on__isnull=False, payer_person_key__isnull=False),
                name="refill_paid_by_somebody",
            ),
        ]


class ImprestSpend(models.Model):
    """Cash given to a family out of a float, by two persons, before the papers were there.

    It ends when all of it was settled against the decision (`settled_fen`: the papers were accepted, or it was written
    off) or given back by the family (`back_fen`).
    """

    float = models.ForeignKey(ImprestFloat, models.PROTECT, related_name="spends")
    subject = models.CharField(max_length=40, db_index=True)
    reservation = models.ForeignKey(Reservation, models.PROTECT, related_name="imprest_spends")
    amount_fen = models.BigIntegerField()
    payee_name = models.CharField(max_length=60)
    payer_one = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    payer_one_key = models.CharField(max_length=32)
    payer_two = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    payer_two_key = models.CharField(max_length=32)
    paid_on = models.DateField()
    place = models.CharField(max_length=80, blank=True)
    signed_how = models.CharField(max_length=10, choices=CashHandover.Signed)
    received_by = models.CharField(max_length=60, help_text="who took it; for an agent also how related")
    receipt_sha256 = models.CharField(max_length=64, help_text="the picture of the signed receipt")
    due_on = models.DateField(help_text="when its papers must be there")
    settled_fen = models.BigIntegerField(default=0)
    back_fen = models.BigIntegerField(default=0)
    ended_on = models.DateField(null=True)
    refill = models.ForeignKey(ImprestRefill, models.PROTECT, null=True, related_name="spends")

    history = tracked()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["receipt_sha256"], name="spends_by_receipt")]
        constraints = [
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="imprest_spend_is_positive"),
            models.CheckConstraint(condition=~Q(payer_one_key=F("payer_two_key")), name="two_persons_pay_from_imprest"),
            models.CheckConstraint(
                condition=Q(receipt_sha256__regex=r"^[0-9a-f]{64}$"), name="imprest_has_its_receipt"
            ),
            models.UniqueConstraint(
                fields=["subject"], condition=Q(ended_on__isnull=True), name="one_open_spend_a_subject"
            ),
            models.CheckConstraint(
                condition=Q(settled_fen__gte=0, back_fen__gte=0)
                & (
                    Q(ended_on__isnull=True, amount_fen__gt=F("settled_fen") + F("back_fen"))
                    | Q(ended_on__isnull=False, amount_fen=F("settled_fen") + F("back_fen"))
                ),
                name="imprest_spend_ends_when_it_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(refill__isnull=True) | Q(ended_on__isnull=False, settled_fen__gt=0),
                name="refilled_once_it_is_settled",
            ),
        ]

    @property
    def countersign(self) -> models.Model | None:
        """The second person's last answer, or the question that waits for it."""
        return max(self.countersigns.all(), key=lambda one: one.pk, default=None)

    @property
    def open_fen(self) -> int:
        """Handed out, and neither settled nor given back."""
        return self.amount_fen - self.settled_fen - self.back_fen


class ImprestCount(models.Model):
    """What the custodian found in the box and at the bank on a day, beside the books; a second person reviews it.

    `book_fen` is the account `imprest` at that moment, `awaited_fen` what of it the bank has not refilled yet.
    """

    key = models.CharField(max_length=80, unique=True)
    float = models.ForeignKey(ImprestFloat, models.PROTECT, related_name="counts")
    counted_on = models.DateField()
    cash_fen = models.BigIntegerField()
    bank_fen = models.BigIntegerField()
    book_fen = models.BigIntegerField()
    awaited_fen = models.BigIntegerField()
    explanation = models.CharField(max_length=200, blank=True)
    counter = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    counter_person_key = models.CharField(max_length=32)
    reviewed_on = models.DateField(null=True)
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    reviewer_person_key = models.CharField(max_length=32, null=True)

    history = tracked()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["float"], condition=Q(reviewed_on__isnull=True), name="one_open_count_a_float"
            ),
            models.CheckConstraint(condition=Q(cash_fen__gte=0, bank_fen__gte=0), name="counted_money_not_negative"),
            models.CheckConstraint(
                condition=~Q(counter_person_key=F("reviewer_person_key")), name="counter_is_not_reviewer"
            ),
            models.CheckConstraint(
                condition=Q(reviewed_on__isnull=True, reviewer_person_key__isnull=True)
                | Q(reviewed_on__isnull=False, reviewer_person_key__isnull=False),
                name="imprest_count_reviewed_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(reviewed_on__isnull=True)
                | Q(cash_fen=F("book_fen") - F("awaited_fen") - F("bank_fen"))
                | ~Q(explanation=""),
                name="a_difference_is_explained",
            ),
        ]

    @property
    def expected_fen(self) -> int:
        return self.book_fen - self.awaited_fen

    @property
    def difference_fen(self) -> int:
        """More (or, negative, less) than there should be."""
        return self.cash_fen + self.bank_fen - self.expected_fen
