"""Who help is for: households, their members, what surveys found, what they need, where money may go.

Nothing here records, rewards or punishes the number of births; `tests/test_guard_rails.py` keeps it so.
"""

import uuid
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from access import vault
from access.models import OrgUnit, Placed
from audit.history import tracked
from families import catalogue


class Person(models.Model):
    """A natural person. `person_key` is the blind index of her ID number; `uid` binds sealed values to this row."""

    class Sex(models.TextChoices):
        MALE = "m"
        FEMALE = "f"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    name = models.CharField(max_length=60)
    name_search = models.CharField(max_length=240, blank=True, help_text="folded name, pinyin and initials")
    id_number_sealed = models.BinaryField(null=True)
    id_last4 = models.CharField(max_length=4, blank=True)
    person_key = models.CharField(max_length=32, null=True, unique=True)
    no_id_reason = models.CharField(max_length=60, blank=True)
    sex = models.CharField(max_length=1, choices=Sex)
    birth_date = models.DateField()
    ethnicity = models.CharField(max_length=20, blank=True)
    education = models.CharField(max_length=20, blank=True)
    health = models.CharField(max_length=20, choices=catalogue.HEALTH, default="healthy")
    disability_class = models.CharField(max_length=20, blank=True)
    disability_grade = models.CharField(max_length=10, blank=True)
    work_status = models.CharField(max_length=20, blank=True)
    lives_away = models.BooleanField(default=False)
    phone = models.CharField(max_length=20, blank=True)
    died_on = models.DateField(null=True, blank=True)
    death_known_by = models.CharField(  # null where a ledger told it, and in history older than this column
        max_length=10, choices=catalogue.DEATH_KNOWN_BY, null=True, blank=True
    )

    history = tracked()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(id_number_sealed__isnull=True, person_key__isnull=True)
                | Q(id_number_sealed__isnull=False, person_key__isnull=False),
                name="id_number_with_its_index",
            ),
            models.CheckConstraint(
                condition=Q(person_key__isnull=False) | ~Q(no_id_reason=""), name="no_id_needs_a_reason"
            ),
            models.CheckConstraint(
                condition=Q(died_on__isnull=True) | Q(died_on__gte=F("birth_date")), name="death_after_birth"
            ),
            models.CheckConstraint(
                condition=Q(died_on__isnull=False) | Q(death_known_by__isnull=True), name="no_source_without_a_death"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def id_number_row(self) -> str:
        """The associated data that binds the sealed ID number to this row."""
        return f"families_person|id_number|{self.uid}"

    @property
    def id_masked(self) -> str:
        return f"{'*' * 14}{self.id_last4}" if self.id_last4 else ""

    def set_id_number(self, number: str) -> None:
        """Seal a normalised 18-character ID number into this row and derive key and last four."""
        self.id_number_sealed = vault.seal(number, row=self.id_number_row)
        self.person_key = vault.person_key(number)
        self.id_last4 = number[-4:]

    def public_name_on(self, date: Any) -> str:
        """How a public notice of that day names her; a child by the family name alone."""
        name = self.name.split("·")[0]
        if self.age_on(date) < 18 or len(name) < 2:
            return f"{name[0]}**"
        return f"{name[0]}*" if len(name) == 2 else f"{name[0]}*{name[-1]}"

    def age_on(self, date: Any) -> int:
        """Completed years on `date`."""
        return (
            date.year - self.birth_date.year - ((date.month, date.day) < (self.birth_date.month, self.birth_date.day))
        )


class Household(Placed):
    """A family that lives and manages together, under its number in the household register."""

    class Severity(models.TextChoices):
        HARDSHIP = "hardship"
        SEVERE = "severe"

    household_no = models.CharField(max_length=19, unique=True)
    group = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", db_index=False)
    head = models.ForeignKey(Person, models.PROTECT, related_name="heads")
    head_name = models.CharField(max_length=60)
    search = models.CharField(max_length=240, blank=True, help_text="the head's folded name, pinyin and initials")
    address = models.CharField(max_length=120, blank=True)
    is_hardship = models.BooleanField(default=False)
    severity = models.CharField(max_length=10, choices=Severity, blank=True)
    recognised_on = models.DateField(null=True, blank=True)
    remark = models.TextField(blank=True)
    shelf_no = models.CharField(max_length=30, blank=True, help_text="where the paper original stands")

    history = tracked()

    class Meta:
        indexes = [
            models.Index(fields=["village", "household_no"], name="household_by_village"),
            models.Index(fields=["township", "household_no"], name="household_by_township"),
            models.Index(fields=["village"], condition=Q(is_hardship=True), name="hardship_by_village"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(is_hardship=True) | Q(severity=""), name="severity_of_hardship_only")
        ]

    def __str__(self) -> str:
        return self.head_name


class HouseholdMember(models.Model):
    """Who belongs to a household from when to when. A person is in one household at a time."""

    household = models.ForeignKey(Household, models.PROTECT, related_name="members")
    person = models.ForeignKey(Person, models.PROTECT, related_name="memberships")
    relation = models.CharField(max_length=20, help_text="relation to the head, as the register writes it")
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)

    history = tracked()

    class Meta:
        ordering = ["household_id", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(valid_to__isnull=True), name="one_household_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True) | Q(valid_to__gte=F("valid_from")), name="membership_dates_in_order"
            ),
        ]


class HardshipCause(models.Model):
    """A class of hardship that a household is registered under, with its dates."""

    household = models.ForeignKey(Household, models.PROTECT, related_name="causes")
    cause = models.CharField(max_length=30, choices=catalogue.CAUSES)
    is_main = models.BooleanField(default=False)
    valid_from = models.DateField()
    valid_to = models.DateField(null=True, blank=True)

    history = tracked()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["household", "cause"], condition=Q(valid_to__isnull=True), name="a_cause_once"
            ),
            models.UniqueConstraint(
                fields=["household"], condition=Q(is_main=True, valid_to__isnull=True), name="one_main_cause"
            ),
        ]


class HouseholdMeans(models.Model):
    """Income, spending and debt of one household in one year, in fen, as the ledger or a survey stated them.

    `debt_is_lower_bound` stands for 余 (and a bit more); it is null where nobody said.
    """

    household = models.ForeignKey(Household, models.PROTECT, related_name="means")
    year = models.SmallIntegerField()
    source = models.CharField(max_length=20)
    wage_fen = models.BigIntegerField(default=0)
    farming_fen = models.BigIntegerField(default=0)
    transfer_fen = models.BigIntegerField(default=0)
    income_total_fen = models.BigIntegerField(default=0)
    medical_fen = models.BigIntegerField(default=0)
    debt_fen = models.BigIntegerField(default=0)
    debt_is_lower_bound = models.BooleanField(null=True)

    history = tracked()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["household", "year", "source"], name="means_once_a_year_and_source"),
            models.CheckConstraint(
                condition=Q(
                    wage_fen__gte=0, farming_fen__gte=0, transfer_fen__gte=0, medical_fen__gte=0, debt_fen__gte=0
                ),
                name="means_not_negative",
            ),
        ]


class HelpReceived(models.Model):
    """Help that a household had before or outside this system; `is_lower_bound` stands for 余 (and a bit more)."""

    household = models.ForeignKey(Household, models.PROTECT, related_name="help_received")
    measures = ArrayField(models.CharField(max_length=40), default=list)
    amount_fen = models.BigIntegerField(default=0)
    is_lower_bound = models.BooleanField(default=False)
    last_on = models.DateField(null=True, blank=True)
    source = models.CharField(max_length=40)
    original_text = models.TextField(blank=True)

    history = tracked()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["household", "source"], name="help_once_a_source"),
            models.CheckConstraint(condition=Q(amount_fen__gte=0), name="help_not_negative"),
        ]

    @property
    def source_title(self) -> str:
        return catalogue.title(catalogue.SOURCES, self.source)


class BankAccount(models.Model):
    """Where a household's money goes. Who recorded it may not release a payment to it."""

    class Kind(models.TextChoices):
        CARD = "card"
        PASSBOOK = "passbook"

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    household = models.ForeignKey(Household, models.PROTECT, related_name="accounts")
    holder = models.ForeignKey(Person, models.PROTECT, related_name="accounts")
    kind = models.CharField(max_length=10, choices=Kind)
    bank = models.CharField(max_length=60, blank=True)
    number_sealed = models.BinaryField()
    number_index = models.CharField(max_length=32, db_index=True)
    number_last4 = models.CharField(max_length=4)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", help_text="empty: an import command"
    )
    recorded_on = models.DateField()
    is_active = models.BooleanField(default=True)
    shared_because = models.CharField(max_length=120, blank=True, help_text="who receives for whom, and why")

    history = tracked()

    class Meta:
        indexes = [models.Index(fields=["number_last4"], name="accounts_by_their_end")]
        constraints = [
            models.UniqueConstraint(
                fields=["household"], condition=Q(is_active=True), name="one_active_account_a_household"
            )
        ]

    @property
    def number_row(self) -> str:
        return f"families_bankaccount|number|{self.uid}"

    @property
    def masked(self) -> str:
        return f"**** {self.number_last4}"


class Lead(models.Model):
    """A hint that a family may need help. Anybody's words; nobody is sent away without a record."""

    class Source(models.TextChoices):
        VILLAGER = "villager"
        INFORMANT = "informant"
        STAFF = "staff"
        HOTLINE = "hotline"
        VISIT = "visit"
        PROACTIVE = "proactive"

    household = models.ForeignKey(Household, models.PROTECT, null=True, blank=True, related_name="leads")
    village = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+")
    source = models.CharField(max_length=10, choices=Source)
    words = models.TextField(help_text="what was said")
    reported_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    reported_on = models.DateField()

    history = tracked()


class Survey(models.Model):
    """One visit's findings. A later visit or a correction is a new version; versions are never changed."""

    household = models.ForeignKey(Household, models.PROTECT, related_name="surveys")
    version = models.SmallIntegerField()
    surveyed_on = models.DateField()
    surveyor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    second_surveyor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    surveyor_person_key = models.CharField(max_length=32)
    second_person_key = models.CharField(max_length=32)
    facts = models.JSONField(help_text="the common survey fields, see families.survey_form")
    needs_words = models.TextField(help_text="needs in the family's own words")
    change_reason = models.CharField(max_length=200, blank=True)
    consent_given = models.BooleanField()
    consent_how = models.CharField(max_length=20, choices=catalogue.CONSENT)
    is_cadre_relative = models.BooleanField(default=False)
    cadre_relative_of = models.CharField(max_length=60, blank=True)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the canonical findings")

    history = tracked()

    class Meta:
        ordering = ["household_id", "version"]
        constraints = [
            models.UniqueConstraint(fields=["household", "version"], name="survey_versions_count_up"),
            models.CheckConstraint(
                condition=~Q(surveyor_person_key=F("second_person_key")), name="two_different_surveyors"
            ),
            models.CheckConstraint(condition=Q(consent_given=True), name="no_survey_without_consent"),
            models.CheckConstraint(condition=~Q(needs_words=""), name="needs_in_own_words"),
            models.CheckConstraint(condition=Q(version=1) | ~Q(change_reason=""), name="a_new_version_says_why"),
        ]


class Document(models.Model):
    """A file that proves something: a photo, a paper, a signature. Kept under its fingerprint, never replaced."""

    household = models.ForeignKey(Household, models.PROTECT, related_name="documents")
    subject = models.CharField(max_length=40, blank=True, db_index=True, help_text="for example case:17")
    kind = models.CharField(max_length=30, choices=catalogue.DOCUMENTS)
    title = models.CharField(max_length=80, blank=True)
    file = models.FileField(upload_to="documents/%Y/%m/", max_length=200)
    content_type = models.CharField(max_length=60)
    size_bytes = models.IntegerField()
    sha256 = models.CharField(max_length=64, db_index=True)
    taken_on = models.DateField(null=True, blank=True)
    place = models.CharField(max_length=30, blank=True, help_text="latitude,longitude as the camera wrote them")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    added_on = models.DateField()
    look = models.BigIntegerField(null=True, help_text="of a photo, see families.looks")

    history = tracked()


class ImportBatch(models.Model):
    """One file that was imported, by its fingerprint: importing it again is recognised."""

    kind = models.CharField(max_length=20)
    sha256 = models.CharField(max_length=64)
    filename = models.CharField(max_length=120)
    imported_on = models.DateField()
    counts = models.JSONField(default=dict)

    history = tracked()

    class Meta:
        indexes = [models.Index(fields=["kind", "sha256"])]


from families.relatives.models import Cadre, ConflictDeclaration, RelativeStatement  # noqa: E402, F401  (the register of close relatives, in a package of its own)
