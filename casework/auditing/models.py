"""What the rule pack found and what was said about it. Nothing here is changed once it is written."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from access.models import OrgUnit

STAFF = settings.AUTH_USER_MODEL


class RuleRun(models.Model):
    """The whole pack over the villages of one unit, as of one business date, with the parameters that held."""

    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", db_index=False)
    as_of = models.DateField()
    parameters = models.JSONField(help_text="{rule: {name: value}}")
    counts = models.JSONField(help_text="{rule: hits}")
    run_by = models.ForeignKey(STAFF, models.PROTECT, null=True, related_name="+", db_index=False)
    run_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["unit", "-id"], name="rule_runs_of_unit")]


class RuleHit(models.Model):
    """One place where a rule found something: a record by its key (case:12), a village, and what is needed to say why."""

    run = models.ForeignKey(RuleRun, models.PROTECT, related_name="hits", db_index=False)
    rule = models.CharField(max_length=30)
    village = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", db_index=False)
    subject = models.CharField(max_length=40)
    day = models.DateField(null=True, help_text="when it happened")
    facts = models.JSONField(help_text="numbers, dates and amounts; never a name")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "rule", "subject"], name="a_hit_once_a_run")]


class RuleVerdict(models.Model):
    """An auditor looked at it and there is an explanation. It holds as long as the facts stay the same."""

    rule = models.CharField(max_length=30)
    subject = models.CharField(max_length=40)
    facts = models.JSONField()
    because = models.CharField(max_length=300)
    judged_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", db_index=False)
    judged_on = models.DateField()

    class Meta:
        indexes = [models.Index(fields=["rule", "subject", "-id"], name="verdicts_on_subject")]
        constraints = [models.CheckConstraint(condition=~Q(because=""), name="a_verdict_says_why")]


class RuleParameter(models.Model):
    """From a day on a unit's auditors draw a line elsewhere, and say why."""

    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", db_index=False)
    rule = models.CharField(max_length=30)
    name = models.CharField(max_length=30)
    value = models.IntegerField()
    valid_from = models.DateField()
    because = models.CharField(max_length=300)
    set_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", db_index=False)

    class Meta:
        indexes = [models.Index(fields=["unit", "rule", "name", "-id"], name="rule_parameters_of_unit")]
        constraints = [
            models.CheckConstraint(condition=Q(value__gte=0), name="rule_parameter_not_negative"),
            models.CheckConstraint(condition=~Q(because=""), name="a_parameter_says_why"),
        ]


class Question(models.Model):
    """An auditor's question to whoever answers for a place: open until the auditor is content with an answer."""

    number = models.CharField(max_length=20, unique=True)
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", db_index=False)
    asked_role = models.CharField(max_length=20)
    title = models.CharField(max_length=80)
    due_on = models.DateField()
    subjects = models.JSONField(default=list, help_text='what it is about: ["case:12", …]')
    rule = models.CharField(max_length=30, blank=True)
    asked_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", db_index=False)
    asked_on = models.DateField()
    key = models.CharField(max_length=80, unique=True, help_text="one pressing of the button")

    class Meta:
        indexes = [models.Index(fields=["unit", "asked_role", "-id"], name="questions_of_unit")]


class QuestionEntry(models.Model):
    """What was asked, answered, asked again, and how it ended. The last one says where the question stands."""

    class Kind(models.TextChoices):
        ASK = "ask"
        ANSWER = "answer"
        CLOSE = "close"

    question = models.ForeignKey(Question, models.PROTECT, related_name="entries")
    n = models.SmallIntegerField()
    kind = models.CharField(max_length=6, choices=Kind)
    words = models.TextField()
    due_on = models.DateField(null=True, help_text="by when an answer is wanted; of what is asked")
    upheld = models.BooleanField(null=True, help_text="of the end: whether there was something wrong")
    by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", db_index=False)
    by_person_key = models.CharField(max_length=32)
    entered_on = models.DateField()

    class Meta:
        ordering = ["question_id", "n"]
        constraints = [
            models.UniqueConstraint(fields=["question", "n"], name="entries_count_up"),
            models.UniqueConstraint(fields=["question"], condition=Q(kind="close"), name="a_question_ends_once"),
            models.CheckConstraint(condition=~Q(words=""), name="an_entry_says_something"),
            models.CheckConstraint(
                condition=Q(kind="close", upheld__isnull=False) | ~Q(kind="close") & Q(upheld__isnull=True),
                name="the_end_says_what_was_found",
            ),
        ]


class Sample(models.Model):
    """A random choice that anybody can draw again: seed, population by its fingerprint, and rule are written down.

    Drawn are the `size` numbers whose SHA-256 of "seed:number" is the smallest.
    """

    class Of(models.TextChoices):
        CASES = "cases"
        PAYMENTS = "payments"

    number = models.CharField(max_length=20, unique=True)
    unit = models.ForeignKey(OrgUnit, models.PROTECT, related_name="+", db_index=False)
    of = models.CharField(max_length=10, choices=Of)
    first_on = models.DateField()
    last_on = models.DateField()
    least_fen = models.BigIntegerField(default=0)
    seed = models.CharField(max_length=80, help_text="made public before it was used")
    seed_source = models.CharField(max_length=120, help_text="where it was made public, and when")
    population = models.IntegerField()
    population_sha256 = models.CharField(max_length=64, help_text="of the numbers in order, a comma between them")
    size = models.IntegerField()
    drawn = models.JSONField(help_text="the numbers, in the order of their SHA-256")
    drawn_by = models.ForeignKey(STAFF, models.PROTECT, related_name="+", db_index=False)
    drawn_on = models.DateField()

    class Meta:
        indexes = [models.Index(fields=["unit", "-id"], name="samples_of_unit")]
        constraints = [
            models.CheckConstraint(condition=Q(size__gt=0), name="sample_is_not_empty"),
            models.CheckConstraint(condition=~Q(seed="") & ~Q(seed_source=""), name="sample_names_its_seed"),
        ]
