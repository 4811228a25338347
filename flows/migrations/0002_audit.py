from django.db import migrations

from audit.operations import TrackHistory


class Migration(migrations.Migration):
    dependencies = [("flows", "0001_initial"), ("audit", "0001_initial")]
    operations = [TrackHistory("flows", "programmeversion", "'programme:' || r.programme")]
