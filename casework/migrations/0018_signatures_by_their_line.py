"""The law that looks up the last signature of a line goes by the line: a plan that was made before anything had counted
the signatures of a long list went through all of them, from the last one back, for each payment."""

from django.db import migrations

PAYS_AS_SIGNED = """
CREATE OR REPLACE FUNCTION casework_rosterpayment_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF EXISTS (
    SELECT 1 FROM fresh x JOIN casework_roster r ON r.id = split_part(x.subject, ':', 2)::bigint
      LEFT JOIN casework_rosterline l ON l.roster_id = r.id AND l.n = split_part(x.subject, ':', 3)::int
      LEFT JOIN LATERAL (SELECT * FROM casework_rostersignature g WHERE g.line_id = l.id ORDER BY {order} DESC LIMIT 1) g ON true
    WHERE x.subject LIKE 'roster:%:%' AND (g.id IS NULL
      OR (x.account_index, x.payee_name) <> (g.account_index, CASE r.channel WHEN 'bank' THEN g.holder_name ELSE g.payee_name END))) THEN
    RAISE EXCEPTION 'money of a list goes where it was signed to go'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_pays_as_signed';
  END IF;
  RETURN NULL;
END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("casework", "0017_what_auditors_do")]

    operations = [
        migrations.RunSQL(PAYS_AS_SIGNED.replace("{order}", "g.id + 0"), PAYS_AS_SIGNED.replace("{order}", "g.id"))
    ]
