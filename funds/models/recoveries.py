"""Money that a family or a provider has to give back."""

from django.db import models
from django.db.models import F, Q

from audit.history import tracked
from funds.models.ledger import Reservation


class Recovery(models.Model):
    """What is owed of one payment decision; it ends when all has come back or was written off by two persons."""

    reservation = models.OneToOneField(Reservation, models.PROTECT, related_name="recovery")
    subject = models.CharField(max_length=40, db_index=True)
    owed_fen = models.BigIntegerField()
    recovered_fen = models.BigIntegerField(default=0)
    written_off_fen = models.BigIntegerField(default=0)
    agreed = models.JSONField(default=list, help_text='[{"due_on": "2026-05-01", "amount_fen": 10000}, …]')
    reason = models.CharField(max_length=200)
    begun_on = models.DateField()
    ended_on = models.DateField(null=True)

    history = tracked()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(owed_fen__gt=0), name="recovery_is_positive"),
            models.CheckConstraint(
                condition=Q(recovered_fen__gte=0, written_off_fen__gte=0)
                & Q(owed_fen__gte=F("recovered_fen") + F("written_off_fen")),
                name="no_more_comes_back_than_is_owed",
            ),
            models.CheckConstraint(
                condition=Q(ended_on__isnull=True) | Q(owed_fen=F("recovered_fen") + F("written_off_fen")),
                name="recovery_ends_when_nothing_is_owed",
            ),
        ]

    @property
    def open_fen(self) -> int:
        return self.owed_fen - self.recovered_fen - self.written_off_fen
