"""How long files are kept: dated, by a document, never changed. None is built in: the authority sets them first."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class RetentionPeriod(models.Model):
    """From a day on files of a kind are kept for so many years after their last case ended."""

    class Kind(models.TextChoices):
        AIDED = "aided_file", _("得到过帮扶的家庭档案")
        REFUSED = "refused_file", _("没有得到帮扶的家庭档案")

    kind = models.CharField(max_length=20, choices=Kind)
    years = models.SmallIntegerField()
    valid_from = models.DateField()
    basis = models.CharField(max_length=120, help_text="the document that sets it")
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        help_text="empty: a shell",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "valid_from"], name="one_period_a_day"),
            models.CheckConstraint(condition=models.Q(years__gte=1, years__lte=100), name="kept_for_some_years"),
            models.CheckConstraint(condition=~models.Q(basis=""), name="a_period_has_its_document"),
        ]
