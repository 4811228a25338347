"""Who may act where: the tree of org units, staff bound to natural persons, dated posts, delegations and grants."""

import datetime
import uuid
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models import F, Q
from django.utils.crypto import salted_hmac
from guardian.models import UserObjectPermissionBase

from access.errors import StaffIsKept
from access.roles import NEED_A_SECOND, ROLES, Level, permission_of, title_of
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
    session_epoch = models.IntegerField(null=True)  # one more ends every session; see access.sessions

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

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Django's own, which ends sessions with the password, and the epoch, which ends them for other reasons."""
        return salted_hmac(
            "access.models.Staff.session", f"{self.password}|{self.session_epoch}", secret=secret, algorithm="sha256"
        ).hexdigest()


class Confirmed(models.Model):
    """What counts from the day on which somebody besides its maker has confirmed it, or need not (ADR 0024).

    All of it may be null and comes last in its table, because history that was written before keeps its fingerprints.
    """

    class How(models.TextChoices):
        SECOND = "second"  # by another administrator
        APPROVED = "approved"  # by the one who was named as approving, in her own name
        ALONE = "alone"  # no money passes the post
        SET_UP = "set_up"  # by the commands of the installation
        FIRST = "first"  # the only administrator of an installation appointed the second one
        BEFORE = "before"  # stood when second administrators were first asked for

    maker_person_key = models.CharField(max_length=32, null=True)
    confirmed_on = models.DateField(null=True)
    confirmed_how = models.CharField(max_length=10, choices=How, null=True)
    confirmed_by = models.ForeignKey(Staff, models.PROTECT, null=True, related_name="+")
    confirmer_person_key = models.CharField(max_length=32, null=True)
    dropped_on = models.DateField(null=True)

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed_on__isnull=True, confirmed_how__isnull=True, confirmed_by__isnull=True)
                | Q(confirmed_on__isnull=False, confirmed_how__in=["second", "approved"], confirmed_by__isnull=False)
                | Q(confirmed_on__isnull=False, confirmed_how__isnull=False, confirmed_by__isnull=True)
                & ~Q(confirmed_how__in=["second", "approved"]),
                name="%(class)s_confirmed_whole",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_by__isnull=True, confirmer_person_key__isnull=True)
                | Q(confirmed_by__isnull=False, confirmer_person_key__isnull=False, maker_person_key__isnull=False)
                & ~Q(confirmer_person_key=F("maker_person_key")),
                name="%(class)s_confirmed_by_another",
            ),
            models.CheckConstraint(
                condition=Q(confirmed_on__isnull=True) | Q(dropped_on__isnull=True),
                name="%(class)s_confirmed_or_dropped",
            ),
        ]

    @property
    def waits(self) -> bool:
        return self.confirmed_on is None and self.dropped_on is None


class Appointment(Confirmed):
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
            *Confirmed.Meta.constraints,
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


class Delegation(Confirmed):
    """Somebody else exercises a post for some days. Not to be passed on, and the principal's exclusions go with it."""

    appointment = models.ForeignKey(Appointment, models.PROTECT, related_name="delegations")
    delegate = models.ForeignKey(Staff, models.PROTECT, related_name="delegations")
    principal_person_key = models.CharField(max_length=32)
    delegate_person_key = models.CharField(max_length=32)
    valid_from = models.DateField()
    valid_to = models.DateField()
    reason = models.CharField(max_length=200)
    approved_by = models.ForeignKey(Staff, models.PROTECT, related_name="+")
    made_by = models.ForeignKey(Staff, models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)  # before its last day, or noted after it

    history = tracked()

    class Meta:
        constraints = [
            *Confirmed.Meta.constraints,
            models.CheckConstraint(condition=Q(valid_to__gte=F("valid_from")), name="delegation_dates_in_order"),
            models.CheckConstraint(
                condition=~Q(principal_person_key=F("delegate_person_key")), name="nobody_delegates_to_himself"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="delegation_has_a_reason"),
        ]

    @property
    def waits(self) -> bool:
        return super().waits and self.ended_at is None

    @property
    def takes_a_second(self) -> bool:
        """Whether a second administrator confirms it, because money passes the post; else its approver does."""
        return self.appointment.role in NEED_A_SECOND


class Reset(models.Model):
    """A new password, or the end of a second factor, that one administrator asked for and another carries out."""

    class What(models.TextChoices):
        PASSWORD = "password"
        FACTOR = "factor"

    staff = models.ForeignKey(Staff, models.PROTECT, related_name="resets")
    person_key = models.CharField(max_length=32)
    what = models.CharField(max_length=10, choices=What)
    reason = models.CharField(max_length=200)
    asked_by = models.ForeignKey(Staff, models.PROTECT, related_name="+")
    asker_person_key = models.CharField(max_length=32)
    asked_on = models.DateField()
    done_by = models.ForeignKey(Staff, models.PROTECT, null=True, related_name="+")
    doer_person_key = models.CharField(max_length=32, null=True)
    done_on = models.DateField(null=True)
    dropped_on = models.DateField(null=True)

    history = tracked()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["staff", "what"],
                condition=Q(done_on__isnull=True, dropped_on__isnull=True),
                name="one_waiting_reset",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="reset_has_a_reason"),
            models.CheckConstraint(
                condition=~Q(asker_person_key=F("person_key")) & ~Q(doer_person_key=F("person_key"))
                | Q(doer_person_key__isnull=True) & ~Q(asker_person_key=F("person_key")),
                name="nobody_resets_her_own",
            ),
            models.CheckConstraint(
                condition=Q(done_on__isnull=True, done_by__isnull=True, doer_person_key__isnull=True)
                | Q(
                    done_on__isnull=False,
                    done_by__isnull=False,
                    doer_person_key__isnull=False,
                    dropped_on__isnull=True,
                )
                & ~Q(doer_person_key=F("asker_person_key")),
                name="reset_by_two_administrators",
            ),
        ]

    @property
    def waits(self) -> bool:
        return self.done_on is None and self.dropped_on is None


class Grant(Confirmed):
    """A rare exception: one permission on one record, with a reason, an approver and an end. It waits until the approver has
    confirmed it in her own name, and wraps a guardian permission from then on."""

    staff = models.ForeignKey(Staff, models.PROTECT, related_name="grants")
    permission = models.CharField(max_length=100, help_text="codename, for example view_case")
    content_type = models.ForeignKey(ContentType, models.PROTECT)
    object_id = models.BigIntegerField()
    reason = models.CharField(max_length=200)
    approved_by = models.ForeignKey(Staff, models.PROTECT, related_name="+")
    valid_from = models.DateField()
    valid_to = models.DateField()
    revoked_on = models.DateField(null=True, blank=True)
    made_by = models.ForeignKey(Staff, models.PROTECT, null=True, related_name="+")

    history = tracked()

    class Meta:
        indexes = [
            models.Index(fields=["staff", "content_type", "permission"]),
            models.Index(
                fields=["approved_by"],
                condition=Q(confirmed_on__isnull=True, dropped_on__isnull=True, revoked_on__isnull=True),
                name="grants_waiting",
            ),
        ]
        constraints = [
            *Confirmed.Meta.constraints,
            models.CheckConstraint(condition=Q(valid_to__gte=F("valid_from")), name="grant_dates_in_order"),
            models.CheckConstraint(condition=~Q(reason=""), name="grant_has_a_reason"),
            models.CheckConstraint(condition=~Q(approved_by=F("staff")), name="nobody_grants_himself"),
        ]

    @property
    def waits(self) -> bool:
        return super().waits and self.revoked_on is None


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


class BreakGlass(models.Model):
    """Somebody looks at one unit's cases in an emergency: why, for how long, and what others thought of it (ADR 0025)."""

    class Verdict(models.TextChoices):
        PROPER = "proper"
        IMPROPER = "improper"

    staff = models.ForeignKey(Staff, models.PROTECT, related_name="+")
    person_key = models.CharField(max_length=32)
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+")
    reason = models.CharField(max_length=200)
    confirmed_with = models.CharField(max_length=10, help_text="code or password")
    started_at = models.DateTimeField(db_index=True)
    ends_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    review_due_on = models.DateField()
    reviewed_by = models.ForeignKey(Staff, models.PROTECT, null=True, related_name="+")
    reviewer_person_key = models.CharField(max_length=32, null=True)
    reviewed_at = models.DateTimeField(null=True)
    verdict = models.CharField(max_length=10, choices=Verdict, null=True)
    review_words = models.CharField(max_length=300, null=True)

    history = tracked()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("started_at"), ends_at__lte=F("started_at") + datetime.timedelta(minutes=60)),
                name="glass_for_an_hour",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="glass_has_a_reason"),
            models.CheckConstraint(
                condition=Q(
                    reviewed_by__isnull=True,
                    reviewer_person_key__isnull=True,
                    reviewed_at__isnull=True,
                    verdict__isnull=True,
                    review_words__isnull=True,
                )
                | Q(
                    reviewed_by__isnull=False,
                    reviewer_person_key__isnull=False,
                    reviewed_at__isnull=False,
                    verdict__isnull=False,
                    review_words__isnull=False,
                ),
                name="glass_reviewed_whole",
            ),
            models.CheckConstraint(
                condition=Q(reviewer_person_key__isnull=True) | ~Q(reviewer_person_key=F("person_key")),
                name="glass_reviewed_by_another",
            ),
        ]
        indexes = [models.Index(fields=["unit"], condition=Q(reviewed_at__isnull=True), name="glass_to_review")]


class SignIn(models.Model):
    """One signing in, from where and with what, and when it was last used; see access.sessions. Forgotten after a while."""

    staff = models.ForeignKey(Staff, models.PROTECT, related_name="sign_ins")
    address = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=200, blank=True)
    since = models.DateTimeField()
    seen_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["staff", "-seen_at"])]


class Rate(models.Model):
    """How often somebody did something lately; see access.rates."""

    key = models.CharField(max_length=32, primary_key=True)
    since = models.DateTimeField(db_index=True)
    count = models.IntegerField()


class DataKey(models.Model):
    """A key that values are sealed with, itself sealed ("wrapped") by the root key of that number; see access.data_keys.

    `number` is the one that stands in each sealed value. Which root it is wrapped with changes; the key itself never does.
    History tells when, and keeps no wrapped key: an old root must not open today's database.
    """

    number = models.SmallIntegerField(unique=True)
    wrapped = models.BinaryField()
    root = models.SmallIntegerField()
    made_at = models.DateTimeField()

    history = tracked(ignore=("wrapped",))

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(number__gte=1, number__lte=255, root__gte=1), name="data_key_numbers")
        ]
