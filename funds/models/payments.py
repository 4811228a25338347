"""Money on its way to somebody: payments and the batches in which they go to the bank."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils.translation import gettext_lazy as _
from django_fsm import FSMField, transition

from audit.history import tracked
from funds.models.ledger import Reservation
from funds.models.providers import Provider


def account_row(uid: uuid.UUID) -> str:
    """What binds a sealed account number to the payment with this uid."""
    return f"funds_payment|account|{uid}"


class PaymentBatch(models.Model):
    """Payments that go to the bank together. Maker, checker and releaser are three natural persons."""

    class State(models.TextChoices):
        DRAFT = "draft", _("待复核")
        CHECKED = "checked", _("待放行")
        RELEASED = "released", _("已交银行")

    number = models.CharField(max_length=30, unique=True)
    title = models.CharField(max_length=80, blank=True)
    cash_reason = models.CharField(max_length=200, null=True, help_text="why it is handed out in cash; null: by bank")
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    made_on = models.DateField()
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    maker_person_key = models.CharField(max_length=32)
    checker = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    checker_person_key = models.CharField(max_length=32, null=True)
    checked_on = models.DateField(null=True)
    releaser = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    releaser_person_key = models.CharField(max_length=32, null=True)
    released_on = models.DateField(null=True)

    history = tracked()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=~Q(maker_person_key=F("checker_person_key")), name="maker_is_not_checker"),
            models.CheckConstraint(
                condition=~Q(maker_person_key=F("releaser_person_key")), name="maker_is_not_releaser"
            ),
            models.CheckConstraint(
                condition=~Q(checker_person_key=F("releaser_person_key")), name="checker_is_not_releaser"
            ),
            models.CheckConstraint(
                condition=Q(state="draft", checker_person_key__isnull=True, releaser_person_key__isnull=True)
                | Q(state="checked", checker_person_key__isnull=False, releaser_person_key__isnull=True)
                | Q(state="released", checker_person_key__isnull=False, releaser_person_key__isnull=False),
                name="batch_state_has_its_persons",
            ),
            models.CheckConstraint(condition=~Q(cash_reason=""), name="cash_says_why"),
        ]

    @property
    def is_cash(self) -> bool:
        return self.cash_reason is not None


# Under way or paid: what such a payment pays is spoken for. What came back or was taken off a list is paid again.
LIVING = ("listed", "sent", "credited", "unknown")


class Payment(models.Model):
    """One payment to one payee, with the account as it was when it was listed.

    listed -> sent -> credited | returned | unknown. Unknown is never sent again by itself; a returned one is answered by a
    new payment that `replaces` it. The bank may return what it had reported as credited.
    """

    class State(models.TextChoices):
        LISTED = "listed", _("已列入")
        SENT = "sent", _("已交银行")
        CREDITED = "credited", _("已到账")
        RETURNED = "returned", _("已退回")
        UNKNOWN = "unknown", _("银行没有答复")
        CANCELLED = "cancelled", _("已移出")

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    key = models.CharField(max_length=80, unique=True)
    subject = models.CharField(max_length=40, db_index=True)
    reservation = models.ForeignKey(Reservation, models.PROTECT, related_name="payments")
    batch = models.ForeignKey(PaymentBatch, models.PROTECT, related_name="payments")
    instalment = models.SmallIntegerField(default=1)
    replaces = models.OneToOneField("self", models.PROTECT, null=True, related_name="replaced_by")
    amount_fen = models.BigIntegerField()
    state = FSMField(default=State.LISTED, choices=State.choices, protected=True, max_length=10)
    payee_name = models.CharField(max_length=60)
    payee_person_key = models.CharField(max_length=32, null=True)
    account_sealed = models.BinaryField()
    account_index = models.CharField(max_length=32, db_index=True)
    account_last4 = models.CharField(max_length=4)
    account_kind = models.CharField(max_length=10)
    bank = models.CharField(max_length=60, blank=True)
    account_recorded_by_key = models.CharField(max_length=32, help_text="who wrote down the account may not release")
    listed_on = models.DateField()
    sent_on = models.DateField(null=True)
    answered_on = models.DateField(null=True)
    bank_reference = models.CharField(max_length=60, blank=True)
    returned_reason = models.TextField(blank=True)
    provider = models.ForeignKey(
        Provider, models.PROTECT, null=True, related_name="payments", help_text="paid for the family; null: the family"
    )

    history = tracked()

    class Meta:
        indexes = [
            models.Index(fields=["bank_reference"], condition=~Q(bank_reference=""), name="payments_by_reference"),
            models.Index(Upper("key"), name="payments_by_serial"),  # banks give our serial back in capitals
            models.Index(fields=["account_last4", "-id"], name="payments_by_account_end"),
            models.Index(
                fields=["payee_person_key"], condition=Q(payee_person_key__isnull=False), name="payments_of_a_person"
            ),
            models.Index(fields=["payee_name"], name="payments_by_payee"),
            models.Index(fields=["amount_fen"], name="payments_by_amount"),
            models.Index(fields=["sent_on"], condition=Q(sent_on__isnull=False), name="payments_by_day"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="payment_is_positive"),
            models.UniqueConstraint(
                fields=["reservation", "instalment"],
                condition=Q(state__in=list(LIVING)),
                name="one_living_payment_an_instalment",
            ),
            models.CheckConstraint(
                condition=Q(answered_on__isnull=True) | Q(answered_on__gte=F("sent_on")), name="answered_after_sending"
            ),
            models.CheckConstraint(condition=~Q(state="returned") | ~Q(returned_reason=""), name="returned_says_why"),
        ]

    @property
    def account_row(self) -> str:
        return account_row(self.uid)

    @property
    def handover(self) -> "CashHandover | None":
        """How the cash was given, as it was written down last; objected to or not."""
        return max(self.handovers.all(), key=lambda given: given.pk, default=None)

    @transition(field=state, source=State.LISTED, target=State.SENT)
    def send(self) -> None: ...

    @transition(field=state, source=[State.SENT, State.UNKNOWN], target=State.CREDITED)
    def settle(self) -> None: ...

    @transition(field=state, source=[State.SENT, State.UNKNOWN], target=State.RETURNED)
    def bounce(self) -> None: ...

    @transition(field=state, source=State.CREDITED, target=State.RETURNED)
    def claw_back(self) -> None: ...

    @transition(field=state, source=[State.SENT, State.UNKNOWN], target=State.UNKNOWN)
    def lose(self) -> None: ...

    @transition(field=state, source=State.LISTED, target=State.CANCELLED)
    def cancel(self) -> None: ...


class CashHandover(models.Model):
    """Cash given to a family by two persons, with what proves it. Once the second has confirmed it the payment counts as made.

    One that she objected to stays as it was written down, and the payment may have another.
    """

    class Signed(models.TextChoices):
        SIGNATURE = "signature", _("签字")
        THUMBPRINT = "thumbprint", _("按手印")
        AGENT = "agent", _("他人代领")

    payment = models.ForeignKey(Payment, models.PROTECT, related_name="handovers")
    payer_one = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    payer_one_key = models.CharField(max_length=32)
    payer_two = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    payer_two_key = models.CharField(max_length=32)
    handed_on = models.DateField()
    place = models.CharField(max_length=80, blank=True)
    signed_how = models.CharField(max_length=10, choices=Signed)
    received_by = models.CharField(max_length=60, help_text="who took it; for an agent also how related")
    receipt_sha256 = models.CharField(max_length=64, help_text="the picture of the signed receipt")
    shares_receipt = models.BooleanField(
        null=True, help_text="true: one sheet, signed by several families of the batch"
    )

    history = tracked()

    class Meta:
        indexes = [models.Index(fields=["receipt_sha256"], name="handovers_by_receipt")]
        constraints = [
            models.CheckConstraint(condition=~Q(payer_one_key=F("payer_two_key")), name="two_persons_hand_over_cash"),
            models.CheckConstraint(condition=~Q(receipt_sha256=""), name="cash_has_its_receipt"),
        ]
