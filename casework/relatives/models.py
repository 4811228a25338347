"""Which cases are those of somebody's close relatives (单独登记), and what the county saw when it went there."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from audit.history import tracked
from families.models import ConflictDeclaration

STAFF = settings.AUTH_USER_MODEL


class RelativeFlag(models.Model):
    """One person who works here and is close to the family of one open case. Her acts so far stay; more are refused.

    `is_late`: it was found after she had acted, or after the case was decided; then somebody one tier up looks at it
    before it goes on.
    """

    class Source(models.TextChoices):
        DECLARED = "declared", _("本人报的")
        HOUSEHOLD = "household", _("同住一户")
        RECUSAL = "recusal", _("登记了回避")
        APPLICANT = "applicant", _("申请人说的")

    class Verdict(models.TextChoices):
        STANDS = "stands", _("办得对，接着办")
        REDO = "redo", _("要退回重办")

    case = models.ForeignKey("casework.Case", models.PROTECT, related_name="relative_flags", db_index=False)
    person_key = models.CharField(max_length=32, blank=True, help_text="empty: the applicant named somebody unknown")
    person_name = models.CharField(max_length=60)
    relation = models.CharField(max_length=40, blank=True)
    source = models.CharField(max_length=10, choices=Source)
    declaration = models.ForeignKey(ConflictDeclaration, models.PROTECT, null=True, related_name="flags")
    is_declared = models.BooleanField(help_text="whether she herself had said so when it was found")
    acts_before = models.SmallIntegerField(help_text="her acts in this case until then")
    is_late = models.BooleanField()
    found_on = models.DateField()
    verdict = models.CharField(max_length=10, blank=True, choices=Verdict)
    review_words = models.CharField(max_length=300, blank=True)
    reviewed_by = models.ForeignKey(STAFF, models.PROTECT, null=True, related_name="+", db_index=False)
    reviewer_person_key = models.CharField(max_length=32, null=True)
    reviewed_on = models.DateField(null=True)
    reviewed_at_act = models.IntegerField(null=True, help_text="the case's number of acts then")
    ended_on = models.DateField(null=True, help_text="it turned out that they are not related")
    ended_by = models.ForeignKey(STAFF, models.PROTECT, null=True, related_name="+", db_index=False)
    ender_person_key = models.CharField(max_length=32, null=True)
    end_words = models.CharField(max_length=300, blank=True)

    history = tracked()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["case", "person_key"], condition=Q(ended_on__isnull=True), name="a_relative_flagged_once"
            ),
            models.CheckConstraint(condition=Q(acts_before__gte=0), name="acts_before_not_negative"),
            models.CheckConstraint(
                condition=Q(verdict="", reviewed_by__isnull=True, reviewer_person_key__isnull=True)
                | Q(verdict__in=["stands", "redo"], reviewed_by__isnull=False, reviewer_person_key__isnull=False)
                & Q(reviewed_on__isnull=False, reviewed_at_act__isnull=False)
                & ~Q(review_words="")
                & ~Q(reviewer_person_key=F("person_key")),
                name="flag_reviewed_by_another",
            ),
            models.CheckConstraint(
                condition=Q(ended_on__isnull=True, ended_by__isnull=True, ender_person_key__isnull=True)
                | Q(ended_on__isnull=False, ended_by__isnull=False, ender_person_key__isnull=False)
                & ~Q(end_words="")
                & ~Q(ender_person_key=F("person_key")),
                name="flag_ended_by_another",
            ),
        ]

    @property
    def waits_for_review(self) -> bool:
        return self.is_late and not self.verdict and self.ended_on is None


class HomeCheck(models.Model):
    """The county went to see a family before its money was decided. Never changed."""

    case = models.ForeignKey("casework.Case", models.PROTECT, related_name="home_checks")
    visited_on = models.DateField()
    with_whom = models.CharField(max_length=60, help_text="who went along")
    words = models.TextField(help_text="what they saw and heard")
    as_reported = models.BooleanField(help_text="whether it was as the file says")
    visitor = models.ForeignKey(STAFF, models.PROTECT, related_name="+", db_index=False)
    visitor_person_key = models.CharField(max_length=32)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=~Q(words=""), name="home_check_says_what_was_seen"),
            models.CheckConstraint(condition=~Q(with_whom=""), name="two_go_to_the_home"),
        ]
