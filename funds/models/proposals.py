"""Entries in the books that take two persons: one proposes, another confirms. Nothing moves before that."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from access.models import OrgUnit
from audit.history import tracked
from funds.models.ledger import Fund


class Proposal(models.Model):
    """One such entry. `details` is what the kind needs, fixed when it is proposed; see funds/proposals.py."""

    class Kind(models.TextChoices):
        TAKE_BACK = "take_back", _("收回分配")
        INTERFUND = "interfund", _("资金间划转")
        CARRY_OVER = "carry_over", _("结转下年")
        HAND_BACK = "hand_back", _("上缴或退还")
        REVERSE = "reverse", _("冲正")
        CLOSE_PERIOD = "close_period", _("结账")
        WRITE_OFF = "write_off", _("核销")
        IMPREST_LIMIT = "imprest_limit", _("备用金定额")
        LIFT_FREEZE = "lift_freeze", _("解除付款冻结")

    class State(models.TextChoices):
        PROPOSED = "proposed", _("等核准")
        CONFIRMED = "confirmed", _("已核准")
        REFUSED = "refused", _("没有核准")
        WITHDRAWN = "withdrawn", _("已撤回")

    key = models.CharField(max_length=80, unique=True)
    kind = models.CharField(max_length=20, choices=Kind)
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", help_text="whose books")
    fund = models.ForeignKey(Fund, models.PROTECT, null=True, related_name="proposals")
    details = models.JSONField(default=dict)
    amount_fen = models.BigIntegerField(default=0)
    reason = models.CharField(max_length=200)
    document_no = models.CharField(max_length=60, blank=True)
    state = models.CharField(max_length=10, choices=State, default=State.PROPOSED)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    proposer_person_key = models.CharField(max_length=32)
    proposed_on = models.DateField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    decider_person_key = models.CharField(max_length=32, null=True)
    decided_on = models.DateField(null=True)
    answer = models.CharField(max_length=200, blank=True, help_text="what the second person says")
    result = models.JSONField(default=dict)

    history = tracked()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["unit", "-id"], condition=Q(state="proposed"), name="proposals_open")]
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="proposal_says_why"),
            models.CheckConstraint(
                condition=Q(state__in=["proposed", "withdrawn"]) | ~Q(proposer_person_key=F("decider_person_key")),
                name="proposer_is_not_confirmer",
            ),
            models.CheckConstraint(
                condition=Q(state="proposed", decided_on__isnull=True, decider_person_key__isnull=True)
                | (~Q(state="proposed") & Q(decided_on__isnull=False, decider_person_key__isnull=False)),
                name="proposal_decided_by_somebody",
            ),
            models.CheckConstraint(condition=~Q(state="refused") | ~Q(answer=""), name="a_refusal_says_why"),
        ]
