"""What an approver signs of a line is the name and the account, and money of a list goes nowhere else."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from audit.operations import TrackRows

DIGEST_BEFORE = """
CREATE OR REPLACE FUNCTION casework_roster_digest(roster bigint) RETURNS text LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT encode(sha256(convert_to(coalesce(string_agg(
    concat_ws('|', n, household_id, person_id, coalesce(account_id, 0), amount_fen), E'\\n' ORDER BY n), ''), 'UTF8')), 'hex')
  FROM casework_rosterline WHERE roster_id = roster AND state = 'on'
$$;
"""

DIGEST = """
CREATE OR REPLACE FUNCTION casework_roster_digest(roster bigint) RETURNS text LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT encode(sha256(convert_to(coalesce(string_agg(
    concat_ws('|', l.n, l.household_id, l.person_id, p.name, coalesce(l.account_id, 0), coalesce(a.number_index, ''),
      coalesce(a.holder_id, 0), coalesce(held.name, ''), l.amount_fen), E'\\n' ORDER BY l.n), ''), 'UTF8')), 'hex')
  FROM casework_rosterline l JOIN families_person p ON p.id = l.person_id
    LEFT JOIN families_bankaccount a ON a.id = l.account_id LEFT JOIN families_person held ON held.id = a.holder_id
  WHERE l.roster_id = roster AND l.state = 'on'
$$;
"""

LAWS = """
-- A signature says what is so when it is made. Another account than the approved one is signed by somebody who did not
-- write it down.
CREATE FUNCTION casework_rostersignature_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM fresh g JOIN casework_rosterline l ON l.id = g.line_id JOIN casework_roster r ON r.id = l.roster_id
      JOIN families_person p ON p.id = l.person_id JOIN access_staff s ON s.id = g.signed_by_id
      LEFT JOIN families_bankaccount a ON a.id = g.account_id LEFT JOIN families_person held ON held.id = a.holder_id
      LEFT JOIN access_staff w ON w.id = a.recorded_by_id
    WHERE r.state <> 'approved' OR l.state <> 'on' OR g.payee_name <> p.name
      OR s.person_key <> g.signer_person_key OR g.signer_person_key = r.preparer_person_key
      OR (r.channel = 'bank') <> (g.account_id IS NOT NULL)
      OR a.id IS NOT NULL AND (NOT a.is_active OR a.household_id <> l.household_id)
      OR (g.account_index, g.holder_name) <> (coalesce(a.number_index, ''), coalesce(held.name, ''))
      OR a.id <> l.account_id AND (w.person_key = g.signer_person_key OR g.because = '')) THEN
    RAISE EXCEPTION 'a signature names what is so, by somebody who did not prepare it'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_signature_is_true';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER casework_guard AFTER INSERT ON casework_rostersignature REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION casework_rostersignature_guard();
ALTER TABLE casework_rostersignature ENABLE ALWAYS TRIGGER casework_guard;

-- A payment of a line goes by the name and to the account of its last signature.
CREATE FUNCTION casework_rosterpayment_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM fresh x JOIN casework_roster r ON r.id = split_part(x.subject, ':', 2)::bigint
      LEFT JOIN casework_rosterline l ON l.roster_id = r.id AND l.n = split_part(x.subject, ':', 3)::int
      LEFT JOIN LATERAL (SELECT * FROM casework_rostersignature g WHERE g.line_id = l.id ORDER BY g.id DESC LIMIT 1) g ON true
    WHERE x.subject LIKE 'roster:%:%' AND (g.id IS NULL
      OR (x.account_index, x.payee_name) <> (g.account_index, CASE r.channel WHEN 'bank' THEN g.holder_name ELSE g.payee_name END))) THEN
    RAISE EXCEPTION 'money of a list goes where it was signed to go'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_pays_as_signed';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER casework_as_signed AFTER INSERT ON funds_payment REFERENCING NEW TABLE AS fresh
  FOR EACH STATEMENT EXECUTE FUNCTION casework_rosterpayment_guard();
ALTER TABLE funds_payment ENABLE ALWAYS TRIGGER casework_as_signed;
"""

UNDO = """
DROP FUNCTION casework_rosterpayment_guard() CASCADE; DROP FUNCTION casework_rostersignature_guard() CASCADE;
"""

# Lists that were approved before: what they say today was signed. Where the account is no longer used, somebody signs again.
SIGN_WHAT_WAS_APPROVED = """
INSERT INTO casework_rostersignature
  (line_id, account_id, payee_name, holder_name, account_index, because, signed_by_id, signer_person_key, signed_on)
SELECT l.id, a.id, p.name, coalesce(held.name, ''), coalesce(a.number_index, ''), l.accepted_because, r.approved_by_id,
       r.approver_person_key, r.approved_on
FROM casework_rosterline l JOIN casework_roster r ON r.id = l.roster_id JOIN families_person p ON p.id = l.person_id
  LEFT JOIN families_bankaccount a ON a.id = l.account_id AND r.channel = 'bank' LEFT JOIN families_person held ON held.id = a.holder_id
WHERE r.state = 'approved' AND l.state = 'on' AND (r.channel <> 'bank' OR a.is_active) ORDER BY l.id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("casework", "0013_lists_have_dated_rules"),
        ("families", "0006_help_in_parts"),
        ("funds", "0017_cash_is_given_after_it_was_released"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="RosterSignature",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("payee_name", models.CharField(max_length=60)),
                ("holder_name", models.CharField(blank=True, max_length=60)),
                ("account_index", models.CharField(blank=True, max_length=32)),
                (
                    "because",
                    models.CharField(
                        blank=True, help_text="why it may be paid in spite of what was found", max_length=200
                    ),
                ),
                ("signer_person_key", models.CharField(max_length=32)),
                ("signed_on", models.DateField()),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        help_text="null: not to an account",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="families.bankaccount",
                    ),
                ),
                (
                    "line",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="signatures",
                        to="casework.rosterline",
                    ),
                ),
                (
                    "signed_by",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.RunSQL(DIGEST, DIGEST_BEFORE),
        migrations.RunSQL(LAWS, UNDO),
        TrackRows(
            "casework",
            "rostersignature",
            "(SELECT 'roster:' || l.roster_id || ':' || l.n FROM casework_rosterline l WHERE l.id = r.line_id)",
        ),
        migrations.RunSQL(SIGN_WHAT_WAS_APPROVED, migrations.RunSQL.noop),
    ]
