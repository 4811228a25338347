"""Work that must not get lost."""

from django.db import models
from django.db.models import Q


class Outbox(models.Model):
    """Something to do after a transaction, committed with it. Done at least once; effects in this database exactly once."""

    topic = models.CharField(max_length=40)
    key = models.CharField(max_length=120, unique=True)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    not_before = models.DateTimeField(null=True)
    attempts = models.SmallIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True)

    class Meta:
        indexes = [models.Index(fields=["id"], condition=Q(done_at__isnull=True), name="outbox_open")]


_OF_JOBS = r"^(jobs/[0-9]{4}/[0-9]{2}/[^/.][^/]*)?$"


class Job(models.Model):
    """Long work that a person waits for: progress, a result, a cancel button."""

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        WAITING = "waiting", "waiting for the user's choice"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    kind = models.CharField(max_length=40)
    title = models.CharField(max_length=120)
    params = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    step = models.CharField(max_length=80, blank=True)
    done_units = models.IntegerField(default=0)
    total_units = models.IntegerField(default=0)
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    input_file = models.FileField(upload_to="jobs/%Y/%m/", blank=True)
    input_sha256 = models.CharField(max_length=64, blank=True)
    result_file = models.FileField(upload_to="jobs/%Y/%m/", blank=True)
    cancel_requested = models.BooleanField(default=False)
    requested_by_id = models.BigIntegerField(null=True, help_text="the account; jobs and access are strangers")
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True, help_text="after this a running job may be begun anew")
    attempts = models.SmallIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["state", "id"]), models.Index(fields=["requested_by_id", "-id"])]
        constraints = [  # what a job read and made is deleted after it, so it names nothing else that lies on the disk
            models.CheckConstraint(condition=Q(input_file__regex=_OF_JOBS), name="a_job_reads_its_own_file"),
            models.CheckConstraint(condition=Q(result_file__regex=_OF_JOBS), name="a_job_makes_its_own_file"),
        ]


class TimerRun(models.Model):
    """When each timer last ran, so that several workers run it once."""

    name = models.CharField(max_length=60, unique=True)
    every_seconds = models.IntegerField()
    last_run_at = models.DateTimeField(null=True)
    leased_until = models.DateTimeField(null=True)
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True, help_text="of the last run; empty when it went well")
