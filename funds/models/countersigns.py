"""The second person's own answer to what somebody else has written down that they did together (会签)."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from audit.history import tracked
from funds.models.imprest import ImprestSpend
from funds.models.payments import CashHandover
from funds.models.stock import StockSlip

OBJECTED = "objected"


class Countersign(models.Model):
    """One question to one natural person about cash, money of a float, or goods: was it so?

    She answers once, in her own session. `answered_by` is another only where the fund desk withdraws in her stead, which
    counts as an objection. What was objected to may be asked of her again, or is done and recorded anew.
    """

    class Answer(models.TextChoices):
        NONE = "", _("等确认")
        CONFIRMED = "confirmed", _("已确认")
        OBJECTED = OBJECTED, _("说不是这样")

    handover = models.OneToOneField(CashHandover, models.PROTECT, null=True, related_name="countersign")
    spend = models.ForeignKey(ImprestSpend, models.PROTECT, null=True, related_name="countersigns")
    slip = models.ForeignKey(StockSlip, models.PROTECT, null=True, related_name="countersigns")
    subject = models.CharField(max_length=40, db_index=True)
    asked = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_person_key = models.CharField(max_length=32)
    asked_on = models.DateField()
    answer = models.CharField(max_length=10, choices=Answer, default=Answer.NONE, blank=True)
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    answered_person_key = models.CharField(max_length=32, null=True)
    answered_on = models.DateField(null=True)
    words = models.CharField(max_length=200, blank=True, help_text="how it was instead; why it was withdrawn")

    history = tracked()

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["asked_person_key"], condition=Q(answer=""), name="countersigns_waiting"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(handover__isnull=False, spend__isnull=True, slip__isnull=True)
                | Q(handover__isnull=True, spend__isnull=False, slip__isnull=True)
                | Q(handover__isnull=True, spend__isnull=True, slip__isnull=False),
                name="countersign_is_about_one_thing",
            ),
            models.UniqueConstraint(
                fields=["spend"], condition=~Q(answer="objected"), name="one_living_countersign_a_spend"
            ),
            models.UniqueConstraint(
                fields=["slip"], condition=~Q(answer="objected"), name="one_living_countersign_a_slip"
            ),
            models.CheckConstraint(
                condition=Q(
                    answer="", answered_by__isnull=True, answered_person_key__isnull=True, answered_on__isnull=True
                )
                | Q(
                    answer__in=["confirmed", "objected"],
                    answered_by__isnull=False,
                    answered_person_key__isnull=False,
                    answered_on__isnull=False,
                ),
                name="countersign_answered_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(answer="confirmed") | Q(answered_person_key=F("asked_person_key")),
                name="confirmed_by_whom_was_asked",
            ),
            models.CheckConstraint(condition=~Q(answer="objected") | ~Q(words=""), name="objection_says_why"),
        ]

    @property
    def thing(self) -> CashHandover | ImprestSpend | StockSlip:
        """What the question is about."""
        return self.handover or self.spend or self.slip

    @property
    def first(self) -> models.Model:
        """Who wrote it down and named the second person."""
        return self.thing.maker if self.slip_id else self.thing.payer_one

    @property
    def first_person_key(self) -> str:
        return self.thing.maker_person_key if self.slip_id else self.thing.payer_one_key

    @property
    def is_withdrawn(self) -> bool:
        """Answered in her stead by the fund desk."""
        return self.answer == self.Answer.OBJECTED and self.answered_person_key != self.asked_person_key
