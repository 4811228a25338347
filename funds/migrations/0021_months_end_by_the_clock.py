"""A month is closed when the database, too, knows that it has ended: the day that the closing gives of itself was all
that was asked before."""

from django.db import migrations

LAWS = """
-- Today, or the day to which a demo or a test has moved the business clock (audit/clock.py); a day that one left behind in
-- the past holds nobody up.
CREATE FUNCTION funds_today() RETURNS date LANGUAGE sql STABLE AS $$
  SELECT greatest((now() AT TIME ZONE 'Asia/Shanghai')::date, (SELECT date FROM audit_businessclock WHERE id = 1))
$$;

CREATE FUNCTION funds_period_by_the_clock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.closed_on > funds_today() THEN
    RAISE EXCEPTION 'month %-% is closed on a day that has not come', NEW.year, NEW.month
      USING ERRCODE = 'check_violation', CONSTRAINT = 'month_has_ended';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER funds_clock BEFORE INSERT ON funds_period FOR EACH ROW EXECUTE FUNCTION funds_period_by_the_clock();
ALTER TABLE funds_period ENABLE ALWAYS TRIGGER funds_clock;
"""

UNDO = "DROP FUNCTION funds_period_by_the_clock() CASCADE; DROP FUNCTION funds_today();"


class Migration(migrations.Migration):
    dependencies = [("funds", "0020_imprest_in_hand"), ("audit", "0002_accesslog_and_clock")]
    operations = [migrations.RunSQL(LAWS, UNDO)]
