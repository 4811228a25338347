from django.db import migrations

from audit.operations import TrackRows


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_accesslog_and_clock")]
    operations = [TrackRows("audit", "accesslog", "'reads:' || r.actor_id")]
