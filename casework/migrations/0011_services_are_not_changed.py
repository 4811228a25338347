"""A service stays as it was signed for. A wrong one is withdrawn with a reason, while no payment has counted it."""

from django.conf import settings
from django.db import migrations, models

LAWS = """
CREATE FUNCTION casework_service_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a service is never deleted' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF (OLD.case_id, OLD.served_on, OLD.what, OLD.minutes, OLD.amount_fen, OLD.signed_by, OLD.recorded_by_id,
        OLD.recorder_person_key, OLD.key)
      IS DISTINCT FROM (NEW.case_id, NEW.served_on, NEW.what, NEW.minutes, NEW.amount_fen, NEW.signed_by, NEW.recorded_by_id,
        NEW.recorder_person_key, NEW.key)
      OR OLD.instalment IS NOT NULL AND OLD.instalment IS DISTINCT FROM NEW.instalment
      OR OLD.withdrawn_on IS NOT NULL
        AND (OLD.withdrawn_on, OLD.withdraw_reason) IS DISTINCT FROM (NEW.withdrawn_on, NEW.withdraw_reason) THEN
    RAISE EXCEPTION 'service % stays as it was signed for', NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'service_stays_as_signed';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER casework_guard AFTER UPDATE OR DELETE ON casework_serviceentry
  FOR EACH ROW EXECUTE FUNCTION casework_service_guard();
ALTER TABLE casework_serviceentry ENABLE ALWAYS TRIGGER casework_guard;
"""

UNDO = "DROP FUNCTION casework_service_guard() CASCADE"


class Migration(migrations.Migration):

    dependencies = [
        ('casework', '0010_imprest'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='historicalserviceentry',
            name='key',
            field=models.CharField(help_text='one pressing of the button', max_length=60, null=True),
        ),
        migrations.AddField(
            model_name='historicalserviceentry',
            name='withdraw_reason',
            field=models.CharField(max_length=200, null=True),
        ),
        migrations.AddField(
            model_name='historicalserviceentry',
            name='withdrawn_on',
            field=models.DateField(null=True),
        ),
        migrations.AddField(
            model_name='serviceentry',
            name='key',
            field=models.CharField(help_text='one pressing of the button', max_length=60, null=True, unique=True),
        ),
        migrations.AddField(
            model_name='serviceentry',
            name='withdraw_reason',
            field=models.CharField(max_length=200, null=True),
        ),
        migrations.AddField(
            model_name='serviceentry',
            name='withdrawn_on',
            field=models.DateField(null=True),
        ),
        migrations.AddConstraint(
            model_name='serviceentry',
            constraint=models.CheckConstraint(condition=models.Q(('minutes__lte', 1440)), name='service_fits_a_day'),
        ),
        migrations.AddConstraint(
            model_name='serviceentry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('withdraw_reason__isnull', True), ('withdrawn_on__isnull', True)), models.Q(('instalment__isnull', True), ('withdrawn_on__isnull', False), models.Q(('withdraw_reason', ''), _negated=True)), _connector='OR'), name='only_unbilled_service_is_withdrawn'),
        ),
        migrations.RunSQL(LAWS, UNDO),
    ]
