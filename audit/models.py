"""What the trail itself stores. This app knows no business model: subjects are named by text keys."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from audit.history import tracked


class BusinessClock(models.Model):
    """One row; see audit.clock."""

    date = models.DateField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_clock")]


class XidField(models.Field):
    """PostgreSQL's 64-bit transaction number."""

    def db_type(self, connection: object) -> str:
        return "xid8"

    def get_prep_value(self, value: int | None) -> str | None:
        return None if value is None else str(value)  # PostgreSQL casts no number to it, but reads its text

    def from_db_value(self, value: str | None, expression: object, connection: object) -> int | None:
        return None if value is None else int(value)


class Entry(models.Model):
    """One link of the chain: the fingerprint of one row of history. Written by triggers alone.

    `stream` is a subject such as `case:17`; `n` counts its links without a gap; `digest` is the SHA-256 of the row's
    text, `hash` covers the digest, the place in the chain and the previous hash.

    A link for a set of rows has their numbers in `keys` (`row_id` the first, `last_row_id` the last) and their digests in
    `digests`; its own `digest` covers both, and its stream is `set:` and the table.
    """

    stream = models.TextField()
    n = models.IntegerField()
    table = models.TextField(db_column="tbl")
    row_id = models.BigIntegerField()
    xid = XidField()
    recorded_at = models.DateTimeField()
    digest = models.BinaryField()
    previous = models.BinaryField(null=True, db_column="prev")
    hash = models.BinaryField()
    keys = ArrayField(models.BigIntegerField(), null=True)
    last_row_id = models.BigIntegerField(null=True)
    digests = ArrayField(models.BinaryField(), null=True)

    class Meta:
        managed = False  # created with its triggers in one migration
        db_table = "audit_entry"


class Leaf(models.Model):
    """One leaf of the tree, for one entry; see audit.leaves. `position` counts from 0 without a gap."""

    position = models.BigIntegerField(primary_key=True)
    entry_id = models.BigIntegerField(unique=True)
    salt = models.BinaryField()
    hash = models.BinaryField()

    class Meta:
        managed = False
        db_table = "audit_leaf"


class Checkpoint(models.Model):
    """A signed seal over the tree of all entries; see audit.checkpoints. `total` is the size of the tree.

    Those without `log_id` are from before there was a tree (audit.old_seals): they cover the entries with
    `after_id` < id <= `through_id` whose transaction lies in [first_xid, horizon_xid). The first one after a restored
    backup (`is_takeover`) covers those that no earlier one does, whatever their transaction.

    Of a seal over the tree `horizon_xid` is no part of what is signed: every entry of an earlier transaction had its leaf
    by then. None: not known.
    """

    log_id = models.BinaryField(null=True)
    first_xid = XidField(null=True)
    horizon_xid = XidField(null=True)
    after_id = models.BigIntegerField(null=True)
    through_id = models.BigIntegerField(null=True)
    is_takeover = models.BooleanField(default=False)
    entries = models.BigIntegerField(help_text="number of entries sealed by this checkpoint alone")
    total = models.BigIntegerField(help_text="number of entries sealed so far")
    root = models.BinaryField()
    previous = models.BinaryField(null=True)
    hash = models.BinaryField()
    signature = models.BinaryField(help_text="Ed25519 over the hash, key outside the database")
    made_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "audit_checkpoint"

    @property
    def is_of_tree(self) -> bool:
        return self.log_id is not None

    @property
    def fingerprint(self) -> str:
        """The first 16 hexadecimal digits of the root (of an old seal: of its hash), as printed on papers."""
        return bytes(self.root if self.is_of_tree else self.hash).hex()[:16]


class Handover(models.Model):
    """The key of the seals was replaced: the old one says by which, and the new one that it agrees; see audit.handovers."""

    n = models.SmallIntegerField(unique=True, help_text="generation of the new key; the first key has none")
    log_id = models.BinaryField()
    old_key = models.BinaryField()
    new_key = models.BinaryField()
    size = models.BigIntegerField(help_text="leaves of the tree: seals up to it are the old key's")
    seal = models.BinaryField(help_text="hash of the seal over it")
    made_at = models.DateTimeField()
    old_signature = models.BinaryField()
    new_signature = models.BinaryField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(n__gte=2, size__gt=0), name="handover_counts")]


class ErasureOrder(models.Model):
    """Which subjects' personal values are to be erased, and why; proposed by one person, confirmed by another (ADR 0035).

    `streams` are the streams of the trail whose rows it may touch; `because` names the rule, for example "aided_file" and the
    day on which it was due. What is erased of a row says audit_erasable; audit.erasure carries it out.
    """

    subject = models.CharField(max_length=40, help_text="for example household:17")
    streams = ArrayField(models.CharField(max_length=60))
    because = models.CharField(max_length=60)
    due_since = models.DateField()
    basis = models.CharField(max_length=120, help_text="the document that sets the period")
    proposed_by = models.BigIntegerField()
    proposer_person_key = models.CharField(max_length=32)
    proposed_at = models.DateTimeField()
    confirmed_by = models.BigIntegerField(null=True)
    confirmer_person_key = models.CharField(max_length=32, null=True)
    confirmed_at = models.DateTimeField(null=True)
    dropped_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    rows = models.IntegerField(null=True, help_text="written rows that were erased")

    history = tracked()

    class Meta:
        indexes = [models.Index(fields=["subject", "-id"], name="erasures_of_subject")]
        constraints = [
            models.UniqueConstraint(
                fields=["subject"],
                condition=models.Q(done_at__isnull=True, dropped_at__isnull=True),
                name="one_open_erasure",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    confirmed_by__isnull=True, confirmer_person_key__isnull=True, confirmed_at__isnull=True
                )
                | models.Q(confirmed_by__isnull=False, confirmer_person_key__isnull=False, confirmed_at__isnull=False)
                & ~models.Q(confirmer_person_key=models.F("proposer_person_key")),
                name="erased_by_two_persons",
            ),
            models.CheckConstraint(
                condition=models.Q(done_at__isnull=True, rows__isnull=True)
                | models.Q(
                    done_at__isnull=False, rows__isnull=False, confirmed_by__isnull=False, dropped_at__isnull=True
                ),
                name="erased_once_confirmed",
            ),
            models.CheckConstraint(condition=~models.Q(because=""), name="erasure_says_why"),
        ]


class Erasure(models.Model):
    """One written row that was erased: its fingerprint before and after. It stands in the chain like any other row."""

    order = models.ForeignKey(ErasureOrder, models.PROTECT, related_name="erasures")
    table = models.TextField(db_column="tbl")
    row_id = models.BigIntegerField()
    before = models.BinaryField()
    after = models.BinaryField()
    xid = XidField(null=True)

    class Meta:
        indexes = [models.Index(fields=["table", "row_id", "-id"], name="erasures_of_row")]


class AccessLog(models.Model):
    """Somebody read what is masked by default, exported or searched it. No row, no page."""

    class Kind(models.TextChoices):
        UNMASK = "unmask"
        EXPORT = "export"
        FILE = "file"
        EMERGENCY = "emergency"  # a page seen under emergency access
        SEARCH = "search"

    at = models.DateTimeField(auto_now_add=True)
    business_date = models.DateField()
    actor_id = models.BigIntegerField()
    actor_name = models.CharField(max_length=60)
    kind = models.CharField(max_length=10, choices=Kind)
    subject = models.CharField(max_length=60, help_text="for example person:12")
    fields = models.CharField(max_length=200)
    reason = models.CharField(max_length=200)
    address = models.GenericIPAddressField(null=True)

    class Meta:
        indexes = [models.Index(fields=["subject", "-id"]), models.Index(fields=["actor_id", "-id"])]
        constraints = [models.CheckConstraint(condition=~models.Q(reason=""), name="access_has_a_reason")]
