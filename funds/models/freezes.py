"""After a restore: payments stand still until two persons have compared the books with what the bank says."""

from django.db import models
from django.db.models import Q

from audit.history import tracked
from funds.models.proposals import Proposal


class PaymentFreeze(models.Model):
    """One restore. What was paid after the moment that came back, the books do not know; the bank does.

    Any number may be open; one confirmed proposal lifts all of them. See funds/freezing.py.
    """

    restored_at = models.DateTimeField()
    reached = models.DateTimeField(null=True, help_text="up to when the books came back, if it is known")
    source = models.CharField(max_length=200, help_text="which backup")
    frozen_on = models.DateField(help_text="the bank's paper has to be of this day or later")
    last_reconciliation = models.BigIntegerField(help_text="only sheets that were written after this one count")
    lifted_on = models.DateField(null=True)
    proposal = models.ForeignKey(Proposal, models.PROTECT, null=True, related_name="freezes")

    history = tracked()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(lifted_on__isnull=True, proposal__isnull=True)
                | Q(lifted_on__isnull=False, proposal__isnull=False),
                name="freeze_lifted_by_a_proposal",
            ),
            models.CheckConstraint(condition=~Q(source=""), name="freeze_names_its_backup"),
        ]
