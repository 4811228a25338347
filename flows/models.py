"""Dated rules of each programme, the working-day calendar, and Viewflow's process row of a case."""

from functools import cached_property

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from viewflow.workflow.models import Process

from audit.history import tracked
from flows.kin import KinParameters, Register
from flows.lists import Kind, ListParameters
from flows.parameters import Parameters
from flows.ruled import RULED, parameters_of
from flows.spec import Spec


class ProgrammeVersion(models.Model):
    """The parameters of a programme, of a kind of list or of a register, from a date on. A case or a list keeps the version
    it was made under.

    Written by one person, published by another; a published version is never changed, only followed by the next.
    """

    programme = models.CharField(max_length=30)
    number = models.SmallIntegerField()
    valid_from = models.DateField()
    parameters = models.JSONField()
    basis = models.CharField(max_length=120, blank=True, help_text="the document that these rules come from")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    author_person_key = models.CharField(max_length=32)
    publisher = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    publisher_person_key = models.CharField(max_length=32, blank=True)
    published_on = models.DateField(null=True)

    history = tracked()

    class Meta:
        ordering = ["programme", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["programme", "number"], name="version_numbers_count_up"),
            models.UniqueConstraint(
                fields=["programme", "valid_from"], condition=Q(published_on__isnull=False), name="one_rule_a_day"
            ),
            models.CheckConstraint(
                condition=~Q(author_person_key=F("publisher_person_key")), name="author_is_not_publisher"
            ),
            models.CheckConstraint(
                condition=Q(published_on__isnull=True, publisher__isnull=True, publisher_person_key="")
                | (Q(published_on__isnull=False, publisher__isnull=False) & ~Q(publisher_person_key="")),
                name="published_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.spec.title} v{self.number}"

    @property
    def spec(self) -> Spec | Kind | Register:
        return RULED[self.programme]

    @cached_property
    def rules(self) -> Parameters | ListParameters | KinParameters:
        return parameters_of(self.programme).from_json(self.parameters)


class Way(models.Model):
    """One edge of a programme to one of its targets, for the laws in PostgreSQL: flows.ways writes what the specs say.

    The edge from nowhere is how a case is opened.
    """

    programme = models.CharField(max_length=30)
    from_state = models.CharField(max_length=24, blank=True)
    action = models.CharField(max_length=24)
    to_state = models.CharField(max_length=24)
    roles = ArrayField(models.CharField(max_length=20))
    duty = models.CharField(max_length=20, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["programme", "from_state", "action", "to_state"], name="a_way_once")
        ]

    def __str__(self) -> str:
        return f"{self.programme}: {self.from_state} {self.action} {self.to_state}"


class WorkingDay(models.Model):
    """One day of a loaded year. A year without rows is unknown: nobody guesses holidays.

    Deadlines hang on it, so who changed a day, and when, is kept like any other decision.
    """

    date = models.DateField(unique=True)
    is_working = models.BooleanField()
    name = models.CharField(max_length=30, blank=True)

    history = tracked()


class CaseProcess(Process):
    """Viewflow's record of a case's way. `case_id` is a value: this layer does not know the Case."""

    case_id = models.BigIntegerField(unique=True)
