from django.db import migrations

from audit.operations import TrackHistory, TrackRows


class Migration(migrations.Migration):
    dependencies = [("casework", "0001_initial"), ("audit", "0001_initial")]
    operations = [
        migrations.RunSQL("CREATE SEQUENCE casework_case_number", "DROP SEQUENCE casework_case_number"),
        TrackHistory("casework", "case", "'case:' || r.id"),
        TrackRows("casework", "caseevent", "'case:' || r.case_id"),
        TrackRows("casework", "caseduty", "'case:' || r.case_id"),
        *(
            TrackHistory("casework", model, "'case:' || r.case_id")
            for model in ("deliberation", "publicnotice", "measure", "followupvisit", "casedocument", "alert")
        ),
        TrackHistory("casework", "objection", "'notice:' || r.notice_id"),
    ]
