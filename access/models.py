"""Who may act where: the tree of org units, staff bound to natural persons, dated posts, delegations and grants."""

import uuid
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models import F, Q
from guardian.models import UserObjectPermissionBase

from access.errors import StaffIsKept
from access.roles import ROLES, Level, permission_of, title_of
from audit.history import tracked


class OrgUnit(models.Model):
    """A place that administers itself, from province to villager group. Codes are never used again."""

    LEVELS = [(level.value, level.value) for level in Level]

    code = models.CharField(max_length=15, unique=True)
    name = models.CharField(max_length=60)
    level = models.CharField(max_length=10, choices=LEVELS)
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    # The unit's place in the tree, itself included, so that one indexed column answers "in this township?"
    province = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    prefecture = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    county = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    township = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    village = models.ForeignKey("self", models.PROTECT, null=True, related_name="+")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)

    history = tracked()

    class Meta:
        ordering = ["code"]
        permissions = [(permission_of(code), f"Holds {code} here") for code in ROLES]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")), name="unit_dates_in_order"
            ),
            models.CheckConstraint(condition=Q(level="province") | Q(parent__isnull=False), name="unit_has_a_parent"),
        ]

    def __str__(self) -> str:
        return self.name


class UnitPermission(UserObjectPermissionBase):
    """guardian's permissions on org units, with a real foreign key."""

    content_object = models.ForeignKey(OrgUnit, on_delete=models.CASCADE)

    class Meta(UserObjectPermissionBase.Meta):
        indexes = [models.Index(fields=["user", "content_object"])]


class Placed(models.Model):
    """Fixed columns that say where a record lies; one index per level makes any scope one lookup."""

    province = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", db_index=False)
    prefecture = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", db_index=False)
    county = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", db_index=False)
    township = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", db_index=False)
    village = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", db_index=False)

    class Meta:
        abstract = True

    def place_in(self, village: OrgUnit) -> None:
        """Copy the tree columns of `village`."""
        for level in ("province", "prefecture", "county", "township"):
            setattr(self, f"{level}_id", getattr(village, f"{level}_id"))
        self.village_id = village.pk


class StaffManager(BaseUserManager["Staff"]):
    def create_user(
        self, username: str, name: str, person_key: str, password: str | None = None, **more: Any
    ) -> "Staff":
        """A new account. `person_key` names the natural person: a second account of hers must carry the same key."""
        staff = self.model(username=username, name=name, person_key=person_key, **more)
        staff.set_password(password)
        staff.save()
        return staff


class Staff(AbstractBaseUser, PermissionsMixin):
    """An account. Several accounts of one natural person share `person_key` and count as one wherever duties are kept apart."""

    last_login = None  # logging in is not a change of the person's record
    username = models.CharField(max_length=40, unique=True)
    name = models.CharField(max_length=60)
    person_key = models.CharField(max_length=32, db_index=True)
    phone = models.CharField(max_length=20, blank=True)
    is_active = models.BooleanField(default=True)
    must_change_password = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = ["name", "person_key"]
    objects = StaffManager()
    history = tracked(ignore=("password",))

    class Meta:
        ordering = ["username"]

    def __str__(self) -> str:
        return self.name

    @transaction.atomic
    def save(self, *args: Any, **kwargs: Any) -> None:
        """Django itself saves an account outside any transaction: a new password, or an old one hashed anew at login."""
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> None:
        raise StaffIsKept


class Appointment(models.Model):
    """A dated post: a role at an org unit. Mirrored as a guardian permission on the unit while it is in force."""

    staff = models.ForeignKey(Staff, models.PROTECT, related_name="appointments")
    role = models.CharField(max_length=20, choices=[(code, code) for code in ROLES])
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="appointments")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)
    appointed_by = models.ForeignKey(Staff, models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=200, blank=True)

    history = tracked()

    class Meta:
        ordering = ["staff_id", "valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["staff", "role", "unit"], condition=Q(valid_to__isnull=True), name="one_open_appointment"
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")), name="appointment_dates_in_order"
            ),
            models.CheckConstraint(
                condition=Q(appointed_by__isnull=True) | ~Q(appointed_by=F("staff")), name="nobody_appoints_himself"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.staff} · {self.title} · {self.unit}"

    @property
    def title(self) -> str:
        return title_of(self.role)


class Delegation(models.Model):
    """Somebody else exercises a post for some days. Not to be passed on, and the principal's exclusions go with it."""

    appointment = models.ForeignKey(Appointment, models.PROTECT, related_name="delegations")
    delegate = models.ForeignKey(Staff, models.PROTECT, related_name="delegations")
    principal_person_key = models.CharField(max_length=32)
    delegate_person_key = models.CharField(max_length=32)
    valid_from = models.DateField()
    valid_to = models.DateField()
    reason = models.CharField(max_length=200)
    approved_by = models.ForeignKey(Staff, models.PROTECT, related_name="+")

    history = tracked()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(valid_to__gte=F("valid_from")), name="delegation_dates_in_order"),
            models.CheckConstraint(
                condition=~Q(principal_person_key=F("delegate_person_key")), name="nobody_delegates_to_himself"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="delegation_has_a_reason"),
        ]


class Grant(models.Model):
    """A rare exception: one permission on one record, with a reason, an approver and an end. Wraps a guardian permission."""

    staff = models.ForeignKey(Staff, models.PROTECT, related_name="grants")
    permission = models.CharField(max_length=100, help_text="codename, for example view_case")
    content_type = models.ForeignKey(ContentType, models.PROTECT)
    object_id = models.BigIntegerField()
    reason = models.CharField(max_length=200)
    approved_by = models.ForeignKey(Staff, models.PROTECT, related_name="+")
    valid_from = models.DateField()
    valid_to = models.DateField()
    revoked_on = models.DateField(null=True, blank=True)

    history = tracked()

    class Meta:
        indexes = [models.Index(fields=["staff", "content_type", "permission"])]
        constraints = [
            models.CheckConstraint(condition=Q(valid_to__gte=F("valid_from")), name="grant_dates_in_order"),
            models.CheckConstraint(condition=~Q(reason=""), name="grant_has_a_reason"),
            models.CheckConstraint(condition=~Q(approved_by=F("staff")), name="nobody_grants_himself"),
        ]


class Recusal(models.Model):
    """A person who must not act for a household: a close relative, declared by herself, detected, or ordered."""

    class Source(models.TextChoices):
        DECLARED = "declared"
        DETECTED = "detected"
        ORDERED = "ordered"

    person_key = models.CharField(max_length=32)
    household_no = models.CharField(max_length=19)
    relation = models.CharField(max_length=40)
    source = models.CharField(max_length=10, choices=Source)
    declared_by = models.ForeignKey(Staff, models.PROTECT, related_name="+")
    declared_on = models.DateField()
    ended_on = models.DateField(null=True, blank=True)

    history = tracked()

    class Meta:
        indexes = [models.Index(fields=["household_no", "person_key"])]
        constraints = [
            models.UniqueConstraint(
                fields=["person_key", "household_no"], condition=Q(ended_on__isnull=True), name="one_open_recusal"
            )
        ]


class SecondFactor(models.Model):
    """A telephone's key for one-time codes. One account has one that is not ended; it counts once a code of it was given.

    The key is sealed for this very row and stands in no history; the last step used refuses a code that was seen.
    """

    staff = models.ForeignKey(Staff, models.PROTECT, related_name="factors")
    row_key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    secret_sealed = models.BinaryField()
    last_step = models.BigIntegerField(default=0)  # of 30 seconds since 1970
    enrolled_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    history = tracked(ignore=("secret_sealed", "last_step"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["staff"], condition=Q(ended_at__isnull=True), name="one_second_factor"),
        ]

    @property
    def secret_row(self) -> str:
        return f"access_secondfactor|secret|{self.row_key}"


class RecoveryCode(models.Model):
    """One of ten codes for the day the telephone is lost. Only its keyed fingerprint is kept; it serves once."""

    factor = models.ForeignKey(SecondFactor, models.PROTECT, related_name="recovery_codes")
    digest = models.CharField(max_length=32)
    used_at = models.DateTimeField(null=True)

    history = tracked(ignore=("digest",))

    class Meta:
        constraints = [models.UniqueConstraint(fields=["factor", "digest"], name="recovery_codes_differ")]


class Rate(models.Model):
    """How often somebody did something lately; see access.rates."""

    key = models.CharField(max_length=32, primary_key=True)
    since = models.DateTimeField(db_index=True)
    count = models.IntegerField()
