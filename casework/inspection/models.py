"""A pack as it was handed out. Nothing of it is changed once it is written; who took a copy stands in the access log."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from access.models import OrgUnit

SHA256 = r"^[0-9a-f]{64}$"


class InspectionPack(models.Model):
    """What was chosen, by whom, why, and the digest of what came of it."""

    class Side(models.TextChoices):
        AUDIT = "audit", "made by an auditor: findings and questions are in it, and auditors alone read it"
        COUNTY = "county", "made by the county for whoever inspects it"

    number = models.CharField(max_length=20, unique=True)
    side = models.CharField(max_length=6, choices=Side)
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", db_index=False)
    title = models.CharField(max_length=120)
    chosen = models.JSONField(help_text="how the cases were chosen, see casework.inspection.choosing")
    reason = models.CharField(max_length=200)
    case_count = models.IntegerField()
    file_count = models.IntegerField()
    volume_count = models.SmallIntegerField()
    page_count = models.IntegerField(help_text="of the PDFs in it")
    problem_count = models.IntegerField(help_text="papers that are missing or not what they were")
    size_bytes = models.BigIntegerField()
    manifest_sha256 = models.CharField(max_length=64, help_text="of the last volume, which names the ones before")
    sealed_size = models.BigIntegerField(null=True, help_text="how long the trail was; null: nothing was sealed yet")
    sealed_root = models.CharField(max_length=64, blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_index=False)
    made_on = models.DateField()
    made_at = models.DateTimeField()
    key = models.CharField(max_length=80, unique=True, help_text="the job that made it")

    class Meta:
        indexes = [models.Index(fields=["unit", "-id"], name="packs_of_unit")]
        constraints = [
            models.CheckConstraint(condition=~Q(reason=""), name="a_pack_says_why"),
            models.CheckConstraint(
                condition=Q(case_count__gt=0, file_count__gt=0, volume_count__gt=0), name="a_pack_is_not_empty"
            ),
            models.CheckConstraint(condition=Q(manifest_sha256__regex=SHA256), name="a_pack_has_its_digest"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def subject(self) -> str:
        """Under which the access log keeps who took a copy."""
        return f"pack:{self.pk}"


class PackVolume(models.Model):
    """One file of a pack."""

    pack = models.ForeignKey(InspectionPack, models.PROTECT, related_name="volumes")
    n = models.SmallIntegerField()
    file = models.FileField(max_length=200)
    size_bytes = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)

    class Meta:
        ordering = ["pack_id", "n"]
        constraints = [
            models.UniqueConstraint(fields=["pack", "n"], name="volumes_count_up"),
            models.CheckConstraint(condition=Q(n__gt=0, size_bytes__gt=0), name="a_volume_holds_something"),
            models.CheckConstraint(condition=Q(sha256__regex=SHA256), name="a_volume_has_its_digest"),
        ]

    @property
    def filename(self) -> str:
        """As it is handed out."""
        return f"{self.pack.number}-{self.n}.zip"

    def read(self) -> Any:
        return self.file.open("rb")
