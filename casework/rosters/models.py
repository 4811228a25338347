"""Lists of people who are helped together without a case each (花名册), and their lines.

What was approved is its lines: their digest is written down with the signature, and PostgreSQL lets none of them change
(migrations/0008_rosters.py).
"""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from access.models import OrgUnit, Placed
from audit import clock
from audit.history import tracked
from families.models import BankAccount, Household, Person
from flows.lists import EVENTS, KINDS, Kind, ListParameters
from flows.models import ProgrammeVersion
from flows.services import version as version_by_id
from funds.models import PaymentBatch, Provider

STAFF = settings.AUTH_USER_MODEL


class Roster(Placed):
    """One list for one event. Prepared by one natural person, approved by another.

    `village` is the township itself where the list is for the whole of it, so that every list lies somewhere.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("编制中")
        APPROVED = "approved", _("已批准")
        CANCELLED = "cancelled", _("已作废")

    class Channel(models.TextChoices):
        BANK = "bank", _("打到各人账户")
        CASH = "cash", _("两人上门发现金")
        PROVIDER = "provider", _("付给办理单位")

    key = models.CharField(max_length=60, unique=True, help_text="the form that made it: pressed twice, it is one list")
    kind = models.CharField(max_length=30, choices=[(code, code) for code in KINDS])
    version = models.ForeignKey(
        ProgrammeVersion,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        help_text="the rules it is made under; null: it was made before lists had dated ones",
    )
    title = models.CharField(max_length=80)
    event = models.CharField(max_length=20, choices=[(code, code) for code in EVENTS])
    year = models.SmallIntegerField()
    channel = models.CharField(max_length=10, choices=Channel)
    cash_reason = models.CharField(max_length=200, null=True, help_text="why it is handed out in cash; null: it is not")
    provider = models.ForeignKey(Provider, models.PROTECT, null=True, related_name="+")
    amount_fen = models.BigIntegerField(help_text="for one line of an ordinary hardship household")
    severe_fen = models.BigIntegerField(help_text="for one of a severe hardship household")
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    made_on = models.DateField()
    prepared_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+")
    preparer_person_key = models.CharField(max_length=32)
    posted_on = models.DateField(null=True, help_text="when the list was put up where people see it")
    notice_ends_on = models.DateField(null=True, help_text="the last day of the notice; it ends at 24:00")
    posted_place = models.CharField(max_length=80, blank=True)
    posted_digest = models.CharField(max_length=64, blank=True, help_text="of the lines that were put up")
    approved_by = models.ForeignKey(STAFF, models.PROTECT, null=True, related_name="+")
    approver_person_key = models.CharField(max_length=32, null=True)
    approved_on = models.DateField(null=True)
    approved_digest = models.CharField(max_length=64, blank=True)
    line_count = models.IntegerField(default=0, help_text="of the lines that were approved")
    total_fen = models.BigIntegerField(default=0)
    cancelled_on = models.DateField(null=True)
    cancel_reason = models.CharField(max_length=200, blank=True)

    history = tracked()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["township", "-id"], name="rosters_of_township"),
            models.Index(fields=["county", "-id"], name="rosters_of_county"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(preparer_person_key=F("approver_person_key")), name="roster_preparer_is_not_approver"
            ),
            models.CheckConstraint(
                condition=Q(state="draft", approved_on__isnull=True, approver_person_key__isnull=True)
                | Q(state="approved", approved_on__isnull=False, approver_person_key__isnull=False)
                | Q(state="cancelled", cancelled_on__isnull=False),
                name="roster_state_has_its_persons",
            ),
            models.CheckConstraint(
                condition=Q(channel="bank", cash_reason__isnull=True, provider__isnull=True)
                | (Q(channel="cash", cash_reason__isnull=False, provider__isnull=True) & ~Q(cash_reason=""))
                | Q(channel="provider", cash_reason__isnull=True, provider__isnull=False),
                name="roster_channel_is_whole",
            ),
            models.CheckConstraint(condition=Q(amount_fen__gt=0, severe_fen__gt=0), name="roster_amounts_are_positive"),
            models.CheckConstraint(
                condition=~Q(state="cancelled") | ~Q(cancel_reason=""), name="roster_cancelled_with_reason"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def spec(self) -> Kind:
        return KINDS[self.kind]

    @property
    def rules(self) -> ListParameters:
        """What the version says under which the list was made."""
        return version_by_id(self.version_id).rules if self.version_id else ListParameters()

    @property
    def subject(self) -> str:
        """The key by which lower layers know this list; a line is known by `subject` and its number."""
        return f"roster:{self.pk}"

    @property
    def event_key(self) -> str:
        """Nobody is on two lists of the same one."""
        return f"{self.kind}:{self.event}:{self.year}"

    @property
    def event_title(self) -> Any:
        return EVENTS[self.event]

    @property
    def is_on_show(self) -> bool:
        """Whether the list hangs where people see it and its notice still runs."""
        return self.is_draft and self.notice_ends_on is not None and clock.today() <= self.notice_ends_on

    @property
    def stage(self) -> str:
        return _now("公示中") if self.is_on_show else self.get_state_display()

    @property
    def is_draft(self) -> bool:
        return self.state == self.State.DRAFT


class RosterLine(models.Model):
    """One person on a list. `account` is the one that is paid, as it was when the line was last looked at."""

    class State(models.TextChoices):
        ON = "on", _("在册")
        OUT = "out", _("已移出")

    roster = models.ForeignKey(Roster, models.PROTECT, related_name="lines", db_index=False)
    n = models.IntegerField()
    event_key = models.CharField(max_length=60)
    household = models.ForeignKey(Household, models.PROTECT, related_name="roster_lines")
    village = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, models.PROTECT, related_name="roster_lines", db_index=False)
    account = models.ForeignKey(BankAccount, models.PROTECT, null=True, related_name="+", db_index=False)
    amount_fen = models.BigIntegerField()
    words = models.CharField(max_length=120, blank=True)
    accepted_because = models.CharField(max_length=200, blank=True, help_text="why a finding does not stand against it")
    state = models.CharField(max_length=10, choices=State, default=State.ON)
    out_reason = models.CharField(max_length=200, blank=True)

    history = tracked()

    class Meta:
        ordering = ["roster_id", "n"]
        constraints = [
            models.UniqueConstraint(fields=["roster", "n"], name="roster_lines_count_up"),
            models.UniqueConstraint(
                fields=["person", "event_key"], condition=Q(state="on"), name="one_list_a_person_and_event"
            ),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="roster_line_is_positive"),
            models.CheckConstraint(condition=~Q(state="out") | ~Q(out_reason=""), name="taken_out_with_reason"),
        ]

    @property
    def key(self) -> str:
        return f"roster:{self.roster_id}:{self.n}"


class RosterSignature(models.Model):
    """What an approver signed of one line: who is paid, and to which account. The last one counts, and no other is paid.

    The first is made with the approval of the list. Where a name or an account has changed since, the line is signed
    again, by somebody who did not write the account down. Rows are never changed (migrations/0015).
    """

    line = models.ForeignKey(RosterLine, models.PROTECT, related_name="signatures")
    account = models.ForeignKey(
        BankAccount, models.PROTECT, null=True, related_name="+", db_index=False, help_text="null: not to an account"
    )
    payee_name = models.CharField(max_length=60)
    holder_name = models.CharField(max_length=60, blank=True)
    account_index = models.CharField(max_length=32, blank=True)
    because = models.CharField(max_length=200, blank=True, help_text="why it may be paid in spite of what was found")
    signed_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", db_index=False)
    signer_person_key = models.CharField(max_length=32)
    signed_on = models.DateField()


class RosterBatch(models.Model):
    """Which batch pays a list, or a part of it: one a bank, and later ones for what came back."""

    roster = models.ForeignKey(Roster, models.PROTECT, related_name="batches")
    batch = models.OneToOneField(PaymentBatch, models.PROTECT, related_name="+")
    bank = models.CharField(max_length=60, blank=True)

    history = tracked()
