from django.db import migrations

from audit.operations import TrackHistory


class Migration(migrations.Migration):
    dependencies = [("access", "0001_initial"), ("audit", "0001_initial")]
    operations = [
        TrackHistory("access", "orgunit", "'unit:' || r.id"),
        TrackHistory("access", "staff", "'staff:' || r.id", ("password",)),
        TrackHistory("access", "appointment", "'staff:' || r.staff_id"),
        TrackHistory("access", "delegation", "'staff:' || r.delegate_id"),
        TrackHistory("access", "grant", "'staff:' || r.staff_id"),
        TrackHistory("access", "recusal", "'recusal:' || r.household_no"),
    ]
