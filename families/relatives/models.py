"""Who declared whom as a close relative. Barred is whoever stands here, from the moment it is written down.

A declaration is never changed: it is written, perhaps confirmed by a second person, perhaps ended by somebody else, once
each (migration 0010). The relative's number is sealed; its fingerprint is what families are compared with.
"""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from access.models import OrgUnit
from audit.history import tracked

STAFF = settings.AUTH_USER_MODEL


class Cadre(models.Model):
    """Somebody who must declare and has no account: a member of the village committee, a cadre."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=60)
    person_key = models.CharField(max_length=32)
    id_number_sealed = models.BinaryField()
    id_last4 = models.CharField(max_length=4)
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+")
    post = models.CharField(max_length=40, help_text="as it is called there: 村委会委员, 妇联主席")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True)
    entered_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+")

    history = tracked()

    class Meta:
        ordering = ["unit_id", "name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person_key", "unit"], condition=Q(valid_to__isnull=True), name="one_cadre_a_person_and_place"
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")), name="cadre_dates_in_order"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def id_number_row(self) -> str:
        return f"families_cadre|id_number|{self.uid}"


class ConflictDeclaration(models.Model):
    """One close relative of one person who works here. `entered_by` is she herself, or the clerk who has her paper."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    declarer_person_key = models.CharField(max_length=32)
    declarer_name = models.CharField(max_length=60)
    staff = models.ForeignKey(STAFF, models.PROTECT, null=True, related_name="+", db_index=False)
    cadre = models.ForeignKey(Cadre, models.PROTECT, null=True, related_name="declarations")
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", help_text="where she works")
    relation = models.CharField(max_length=30, help_text="a code of flows.kin")
    relative_name = models.CharField(max_length=60)
    relative_id_sealed = models.BinaryField()
    relative_id_last4 = models.CharField(max_length=4)
    relative_key = models.CharField(max_length=32, db_index=True)
    declared_on = models.DateField()
    entered_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", db_index=False)
    enterer_person_key = models.CharField(max_length=32)
    confirmed_on = models.DateField(null=True, help_text="against the signed paper; her own entry needs none")
    confirmed_by = models.ForeignKey(STAFF, models.PROTECT, null=True, related_name="+", db_index=False)
    confirmer_person_key = models.CharField(max_length=32, null=True)
    ended_on = models.DateField(null=True)
    ended_by = models.ForeignKey(STAFF, models.PROTECT, null=True, related_name="+", db_index=False)
    ender_person_key = models.CharField(max_length=32, null=True)
    end_reason = models.CharField(max_length=200, blank=True)

    history = tracked()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["declarer_person_key", "relative_key"],
                condition=Q(ended_on__isnull=True),
                name="a_relative_declared_once",
            ),
            models.CheckConstraint(
                condition=Q(staff__isnull=False, cadre__isnull=True) | Q(staff__isnull=True, cadre__isnull=False),
                name="declared_for_one_person",
            ),
            models.CheckConstraint(condition=~Q(relative_key=F("declarer_person_key")), name="nobody_declares_herself"),
            models.CheckConstraint(
                condition=Q(confirmed_on__isnull=True, confirmed_by__isnull=True, confirmer_person_key__isnull=True)
                | Q(confirmed_on__isnull=False, confirmed_by__isnull=False, confirmer_person_key__isnull=False)
                & ~Q(confirmer_person_key=F("enterer_person_key"))
                & ~Q(confirmer_person_key=F("declarer_person_key")),
                name="declaration_confirmed_by_another",
            ),
            models.CheckConstraint(
                condition=Q(ended_on__isnull=True, ended_by__isnull=True, ender_person_key__isnull=True, end_reason="")
                | Q(ended_on__isnull=False, ended_by__isnull=False, ender_person_key__isnull=False)
                & ~Q(end_reason="")
                & ~Q(ender_person_key=F("declarer_person_key")),
                name="declaration_ended_by_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.declarer_name} · {self.relative_name}"

    @property
    def relative_id_row(self) -> str:
        """The associated data that binds the sealed number to this row."""
        return f"families_conflictdeclaration|relative_id|{self.uid}"

    @property
    def id_masked(self) -> str:
        return f"{'*' * 14}{self.relative_id_last4}"

    @property
    def is_own(self) -> bool:
        return self.enterer_person_key == self.declarer_person_key

    @property
    def waits(self) -> bool:
        """Whether somebody besides the clerk who typed it has still to compare it with the signed paper."""
        return not self.is_own and self.confirmed_on is None and self.ended_on is None


class RelativeStatement(models.Model):
    """She said this year that what is declared is all. So "none" is an answer, and silence is not. Never changed."""

    person_key = models.CharField(max_length=32)
    name = models.CharField(max_length=60)
    staff = models.ForeignKey(STAFF, models.PROTECT, null=True, related_name="+", db_index=False)
    cadre = models.ForeignKey(Cadre, models.PROTECT, null=True, related_name="statements", db_index=False)
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", db_index=False)
    year = models.SmallIntegerField()
    declared = models.SmallIntegerField(help_text="how many stood in the register; 0: she has none to declare")
    stated_on = models.DateField()
    entered_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", db_index=False)

    class Meta:
        ordering = ["-year", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["person_key", "year"], name="one_statement_a_year"),
            models.CheckConstraint(condition=Q(declared__gte=0), name="declared_not_negative"),
        ]
