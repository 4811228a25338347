"""The key of the seals may be handed over to another: a row that both sign, in order, over the last seal (ADR 0034)."""

from django.db import migrations, models

from audit.operations import TrackRows

LAW = """
CREATE FUNCTION audit_handover_in_order() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE v_last record; v_seal record;
BEGIN
  SELECT h.n, h.new_key, h.size INTO v_last FROM audit_handover h ORDER BY h.n DESC LIMIT 1;
  SELECT c.hash, c.total, c.log_id INTO v_seal FROM audit_checkpoint c ORDER BY c.id DESC LIMIT 1;
  IF NEW.n <> coalesce(v_last.n, 1) + 1 OR NEW.old_key <> coalesce(v_last.new_key, NEW.old_key) OR NEW.old_key = NEW.new_key
     OR (NEW.log_id, NEW.size, NEW.seal) IS DISTINCT FROM (v_seal.log_id, v_seal.total, v_seal.hash) THEN
    RAISE EXCEPTION 'a key is handed over by the one in use, over the last seal'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'audit_handover_in_order';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER audit_handover_in_order BEFORE INSERT ON audit_handover FOR EACH ROW EXECUTE FUNCTION audit_handover_in_order();
ALTER TABLE audit_handover ENABLE ALWAYS TRIGGER audit_handover_in_order;
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0006_emergency_reads")]
    operations = [
        migrations.CreateModel(
            name="Handover",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "n",
                    models.SmallIntegerField(help_text="generation of the new key; the first key has none", unique=True),
                ),
                ("log_id", models.BinaryField()),
                ("old_key", models.BinaryField()),
                ("new_key", models.BinaryField()),
                ("size", models.BigIntegerField(help_text="leaves of the tree: seals up to it are the old key's")),
                ("seal", models.BinaryField(help_text="hash of the seal over it")),
                ("made_at", models.DateTimeField()),
                ("old_signature", models.BinaryField()),
                ("new_signature", models.BinaryField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("n__gte", 2), ("size__gt", 0)), name="handover_counts")
                ],
            },
        ),
        TrackRows("audit", "handover", "'keys:seals'"),
        migrations.RunSQL(LAW, "DROP FUNCTION audit_handover_in_order() CASCADE"),
    ]
