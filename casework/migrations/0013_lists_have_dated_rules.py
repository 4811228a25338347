"""A list keeps the rules it is made under, and is approved when its notice has run: what hung is what is signed, day by day."""

import django.db.models.deletion
from django.db import migrations, models

BEFORE = """
CREATE OR REPLACE FUNCTION casework_roster_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE lines bigint; fen bigint;
BEGIN
  IF TG_OP = 'INSERT' AND NEW.state <> 'draft' THEN
    RAISE EXCEPTION 'list % does not begin as a draft', NEW.id USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_begins_as_a_draft';
  END IF;
  IF EXISTS (SELECT 1 FROM (VALUES (NEW.prepared_by_id, NEW.preparer_person_key), (NEW.approved_by_id, NEW.approver_person_key)) AS acted (staff, person)
             LEFT JOIN access_staff s ON s.id = acted.staff WHERE s.person_key IS DISTINCT FROM acted.person) THEN
    RAISE EXCEPTION 'list % names somebody else''s account', NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_names_its_persons';
  END IF;
  IF TG_OP = 'INSERT' THEN RETURN NULL; END IF;
  IF (OLD.key, OLD.kind, OLD.event, OLD.year, OLD.township_id, OLD.village_id, OLD.channel, OLD.provider_id, OLD.prepared_by_id, OLD.made_on)
     IS DISTINCT FROM
     (NEW.key, NEW.kind, NEW.event, NEW.year, NEW.township_id, NEW.village_id, NEW.channel, NEW.provider_id, NEW.prepared_by_id, NEW.made_on)
     OR OLD.state <> 'draft' AND (to_jsonb(OLD) - ARRAY['state', 'cancelled_on', 'cancel_reason'])
       <> (to_jsonb(NEW) - ARRAY['state', 'cancelled_on', 'cancel_reason'])
     OR (OLD.state, NEW.state) NOT IN (('draft', 'draft'), ('draft', 'approved'), ('draft', 'cancelled'), ('approved', 'approved'),
       ('approved', 'cancelled'), ('cancelled', 'cancelled')) THEN
    RAISE EXCEPTION 'list % stays as it was decided', NEW.id USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_stays_as_decided';
  END IF;
  IF NEW.state = 'approved' AND OLD.state = 'draft' THEN
    SELECT count(*), coalesce(sum(amount_fen), 0) INTO lines, fen FROM casework_rosterline WHERE roster_id = NEW.id AND state = 'on';
    IF lines = 0 OR (NEW.line_count, NEW.total_fen, NEW.approved_digest) IS DISTINCT FROM (lines::int, fen, casework_roster_digest(NEW.id)) THEN
      RAISE EXCEPTION 'the signature does not cover the lines of list %', NEW.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_signature_covers_its_lines';
    END IF;
  END IF;
  RETURN NULL;
END $$;
"""

AFTER = (
    BEFORE.replace(
        "DECLARE lines bigint; fen bigint;",
        "DECLARE lines bigint; fen bigint; most bigint; rules jsonb; days int;",
    )
    .replace(
        "  IF TG_OP = 'INSERT' THEN RETURN NULL; END IF;\n",
        """  IF TG_OP = 'INSERT' THEN
    SELECT v.parameters INTO rules FROM flows_programmeversion v
      WHERE v.id = NEW.version_id AND v.programme = NEW.kind AND v.published_on IS NOT NULL AND v.valid_from <= NEW.made_on;
    IF rules IS NULL THEN
      RAISE EXCEPTION 'list % is not made under published rules of its kind', NEW.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_has_its_rules';
    END IF;
    IF NEW.channel = 'cash' AND (rules->>'allows_cash') IS DISTINCT FROM 'true' THEN
      RAISE EXCEPTION 'the rules of list % allow no cash', NEW.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_keeps_its_rules';
    END IF;
    RETURN NULL;
  END IF;
""",
    )
    .replace("OLD.prepared_by_id, OLD.made_on)", "OLD.prepared_by_id, OLD.made_on, OLD.version_id)")
    .replace("NEW.prepared_by_id, NEW.made_on)", "NEW.prepared_by_id, NEW.made_on, NEW.version_id)")
    .replace(
        "SELECT count(*), coalesce(sum(amount_fen), 0) INTO lines, fen FROM",
        "SELECT count(*), coalesce(sum(amount_fen), 0), max(amount_fen) INTO lines, fen, most FROM",
    )
    .replace(
        """        USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_signature_covers_its_lines';
    END IF;
""",
        """        USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_signature_covers_its_lines';
    END IF;
    SELECT v.parameters INTO rules FROM flows_programmeversion v WHERE v.id = NEW.version_id;
    IF rules IS NULL OR most > (rules->>'cap_fen')::bigint THEN
      RAISE EXCEPTION 'a line of list % is above what its rules allow', NEW.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_keeps_its_rules';
    END IF;
    -- Working days are at least as many calendar days; the last day of the notice ends at 24:00.
    days := (rules->'notice'->>'days')::int;
    IF days > 0 AND (NEW.posted_digest <> NEW.approved_digest OR NEW.notice_ends_on IS NULL OR NEW.notice_ends_on < NEW.posted_on + days
        OR NEW.approved_on <= NEW.notice_ends_on
        OR (OLD.posted_on, OLD.posted_digest, OLD.notice_ends_on) IS DISTINCT FROM (NEW.posted_on, NEW.posted_digest, NEW.notice_ends_on)) THEN
      RAISE EXCEPTION 'the notice of list % has not run', NEW.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_notice_has_run';
    END IF;
""",
    )
)


class Migration(migrations.Migration):
    dependencies = [
        ("casework", "0011_services_are_not_changed"),
        ("flows", "0003_calendar_history"),
    ]

    operations = [
        migrations.AddField(
            model_name="historicalroster",
            name="notice_ends_on",
            field=models.DateField(help_text="the last day of the notice; it ends at 24:00", null=True),
        ),
        migrations.AddField(
            model_name="historicalroster",
            name="version",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                help_text="the rules it is made under; null: it was made before lists had dated ones",
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="flows.programmeversion",
            ),
        ),
        migrations.AddField(
            model_name="roster",
            name="notice_ends_on",
            field=models.DateField(help_text="the last day of the notice; it ends at 24:00", null=True),
        ),
        migrations.AddField(
            model_name="roster",
            name="version",
            field=models.ForeignKey(
                db_index=False,
                help_text="the rules it is made under; null: it was made before lists had dated ones",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="flows.programmeversion",
            ),
        ),
        migrations.RunSQL(AFTER, BEFORE),
    ]
