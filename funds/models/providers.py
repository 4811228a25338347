"""Who is paid in a family's stead: a school, an insurer, a hospital, a care home."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from access.models import OrgUnit
from audit.history import tracked


class Provider(models.Model):
    """An institution with its account. It is paid once a second person has compared the account with its papers.

    Another account is another row; the old one is ended, never changed.
    """

    class Kind(models.TextChoices):
        SCHOOL = "school", _("学校")
        INSURER = "insurer", _("保险公司")
        HOSPITAL = "hospital", _("医院")
        CARE_HOME = "care_home", _("养老机构")
        TRAINER = "trainer", _("培训机构")
        SERVICE = "service", _("服务机构")
        SUPPLIER = "supplier", _("供货单位")

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=10, choices=Kind)
    credit_code = models.CharField(max_length=18, blank=True, help_text="unified social credit code, GB 32100-2015")
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", help_text="whose list it stands on")
    bank = models.CharField(max_length=60)
    account_sealed = models.BinaryField()
    account_index = models.CharField(max_length=32, db_index=True)
    account_last4 = models.CharField(max_length=4)
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    recorder_person_key = models.CharField(max_length=32)
    recorded_on = models.DateField()
    checked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    checker_person_key = models.CharField(max_length=32, null=True)
    checked_on = models.DateField(null=True)
    ended_on = models.DateField(null=True)

    history = tracked()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["unit", "name"], condition=Q(ended_on__isnull=True), name="a_provider_once_on_a_list"
            ),
            models.CheckConstraint(
                condition=~Q(recorder_person_key=F("checker_person_key")), name="recorder_does_not_check_provider"
            ),
            models.CheckConstraint(
                condition=Q(checked_on__isnull=True, checker_person_key__isnull=True)
                | Q(checked_on__isnull=False, checker_person_key__isnull=False),
                name="provider_checked_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def account_row(self) -> str:
        return f"funds_provider|account|{self.uid}"
