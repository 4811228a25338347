"""Help that is paid in parts: by term, by month, by progress of a building."""

import re

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from audit.history import tracked
from funds.models.ledger import Reservation

# A part without a name of its own keeps its number; "第 2 期" is how it was kept at first.
_NUMBERED = re.compile(r"[0-9]+|第 ?[0-9]+ ?期")
# What the rules that come with the program call the parts of a building; other names stay as a county wrote them.
_STANDARD = (gettext_noop("开工"), gettext_noop("主体完工"), gettext_noop("竣工验收"))


class Instalment(models.Model):
    """One part of a reservation. Where a check is asked for (still enrolled, walls up), it is paid only after it."""

    reservation = models.ForeignKey(Reservation, models.PROTECT, related_name="instalments")
    n = models.SmallIntegerField()
    label = models.CharField(max_length=40, help_text="for example 第 2 期, 2026 年 9 月, 主体完工")
    due_on = models.DateField(help_text="not paid before")
    amount_fen = models.BigIntegerField()
    needs_check = models.BooleanField(default=False)
    checked_on = models.DateField(null=True)
    checked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    checker_person_key = models.CharField(max_length=32, null=True)
    check_note = models.CharField(max_length=200, blank=True)
    cancelled_on = models.DateField(null=True)
    cancel_reason = models.CharField(max_length=200, blank=True)

    history = tracked()

    class Meta:
        ordering = ["reservation_id", "n"]
        constraints = [
            models.UniqueConstraint(fields=["reservation", "n"], name="instalments_count_up"),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="instalment_is_positive"),
            models.CheckConstraint(
                condition=Q(checked_on__isnull=True, checker_person_key__isnull=True)
                | (Q(checked_on__isnull=False, checker_person_key__isnull=False) & ~Q(check_note="")),
                name="instalment_checked_by_somebody",
            ),
            models.CheckConstraint(
                condition=Q(cancelled_on__isnull=True) | ~Q(cancel_reason=""), name="instalment_cancelled_with_reason"
            ),
        ]

    @property
    def title(self) -> str:
        """What the rules call it (主体完工), else its number in the language of whoever reads."""
        if _NUMBERED.fullmatch(self.label):
            return _("第 %(n)s 期") % {"n": self.n}
        return _(self.label) if self.label in _STANDARD else self.label
