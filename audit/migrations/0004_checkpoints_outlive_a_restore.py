"""Transaction numbers begin anew in a restored database; the numbers of entries do not. Seals name both."""

from django.db import migrations

FORWARD = """
ALTER TABLE audit_checkpoint ADD COLUMN after_id bigint NOT NULL DEFAULT 0;
ALTER TABLE audit_checkpoint ADD COLUMN through_id bigint NOT NULL DEFAULT 9223372036854775807;
ALTER TABLE audit_checkpoint ADD COLUMN is_takeover boolean NOT NULL DEFAULT false;
ALTER TABLE audit_checkpoint ALTER COLUMN after_id DROP DEFAULT, ALTER COLUMN through_id DROP DEFAULT;
"""

BACKWARD = "ALTER TABLE audit_checkpoint DROP COLUMN after_id, DROP COLUMN through_id, DROP COLUMN is_takeover;"


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_track_accesslog")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
