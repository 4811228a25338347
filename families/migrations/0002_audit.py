from django.db import migrations

from audit.operations import TrackHistory


class Migration(migrations.Migration):
    dependencies = [("families", "0001_initial"), ("audit", "0001_initial")]
    operations = [
        TrackHistory("families", "person", "'person:' || r.id"),
        TrackHistory("families", "household", "'household:' || r.id"),
        TrackHistory("families", "householdmember", "'member:' || r.id"),
        *(
            TrackHistory("families", model, "'household:' || r.household_id")
            for model in ("hardshipcause", "householdmeans", "helpreceived", "bankaccount", "survey", "document")
        ),
        TrackHistory("families", "lead", "'lead:' || r.id"),
        TrackHistory("families", "importbatch", "'import:' || r.id"),
    ]
