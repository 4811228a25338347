"""Packs for inspectors, frozen: a pack is written with all its volumes at once, and neither is changed afterwards."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from audit.operations import TrackRows

LAWS = """
CREATE FUNCTION casework_packvolume_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.n > (SELECT volume_count FROM casework_inspectionpack WHERE id = NEW.pack_id) THEN
    RAISE EXCEPTION 'pack % is closed', NEW.pack_id USING ERRCODE = 'check_violation', CONSTRAINT = 'a_pack_is_closed';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER casework_guard BEFORE INSERT ON casework_packvolume FOR EACH ROW EXECUTE FUNCTION casework_packvolume_guard();
ALTER TABLE casework_packvolume ENABLE ALWAYS TRIGGER casework_guard;
CREATE FUNCTION casework_inspectionpack_whole() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF NEW.volume_count <> (SELECT count(*) FROM casework_packvolume WHERE pack_id = NEW.id) THEN
    RAISE EXCEPTION 'pack % lacks a volume', NEW.id USING ERRCODE = 'check_violation', CONSTRAINT = 'a_pack_is_whole';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER casework_whole AFTER INSERT ON casework_inspectionpack DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION casework_inspectionpack_whole();
ALTER TABLE casework_inspectionpack ENABLE ALWAYS TRIGGER casework_whole;
"""
UNDO = """
DROP TRIGGER casework_whole ON casework_inspectionpack; DROP FUNCTION casework_inspectionpack_whole();
DROP TRIGGER casework_guard ON casework_packvolume; DROP FUNCTION casework_packvolume_guard();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0013_break_glass_laws"),
        ("casework", "0020_relatives_laws"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="InspectionPack",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.CharField(max_length=20, unique=True)),
                (
                    "side",
                    models.CharField(
                        choices=[
                            (
                                "audit",
                                "made by an auditor: findings and questions are in it, and auditors alone read it",
                            ),
                            ("county", "made by the county for whoever inspects it"),
                        ],
                        max_length=6,
                    ),
                ),
                ("title", models.CharField(max_length=120)),
                ("chosen", models.JSONField(help_text="how the cases were chosen, see casework.inspection.choosing")),
                ("reason", models.CharField(max_length=200)),
                ("case_count", models.IntegerField()),
                ("file_count", models.IntegerField()),
                ("volume_count", models.SmallIntegerField()),
                ("page_count", models.IntegerField(help_text="of the PDFs in it")),
                ("problem_count", models.IntegerField(help_text="papers that are missing or not what they were")),
                ("size_bytes", models.BigIntegerField()),
                (
                    "manifest_sha256",
                    models.CharField(help_text="of the last volume, which names the ones before", max_length=64),
                ),
                (
                    "sealed_size",
                    models.BigIntegerField(help_text="how long the trail was; null: nothing was sealed yet", null=True),
                ),
                ("sealed_root", models.CharField(blank=True, max_length=64)),
                ("made_on", models.DateField()),
                ("made_at", models.DateTimeField()),
                ("key", models.CharField(help_text="the job that made it", max_length=80, unique=True)),
                (
                    "made_by",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "unit",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="access.orgunit",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PackVolume",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("n", models.SmallIntegerField()),
                ("file", models.FileField(max_length=200, upload_to="")),
                ("size_bytes", models.BigIntegerField()),
                ("sha256", models.CharField(max_length=64)),
                (
                    "pack",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="volumes",
                        to="casework.inspectionpack",
                    ),
                ),
            ],
            options={
                "ordering": ["pack_id", "n"],
            },
        ),
        migrations.AddIndex(
            model_name="inspectionpack",
            index=models.Index(fields=["unit", "-id"], name="packs_of_unit"),
        ),
        migrations.AddConstraint(
            model_name="inspectionpack",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason", ""), _negated=True), name="a_pack_says_why"
            ),
        ),
        migrations.AddConstraint(
            model_name="inspectionpack",
            constraint=models.CheckConstraint(
                condition=models.Q(("case_count__gt", 0), ("file_count__gt", 0), ("volume_count__gt", 0)),
                name="a_pack_is_not_empty",
            ),
        ),
        migrations.AddConstraint(
            model_name="inspectionpack",
            constraint=models.CheckConstraint(
                condition=models.Q(("manifest_sha256__regex", "^[0-9a-f]{64}$")), name="a_pack_has_its_digest"
            ),
        ),
        migrations.AddConstraint(
            model_name="packvolume",
            constraint=models.UniqueConstraint(fields=("pack", "n"), name="volumes_count_up"),
        ),
        migrations.AddConstraint(
            model_name="packvolume",
            constraint=models.CheckConstraint(
                condition=models.Q(("n__gt", 0), ("size_bytes__gt", 0)), name="a_volume_holds_something"
            ),
        ),
        migrations.AddConstraint(
            model_name="packvolume",
            constraint=models.CheckConstraint(
                condition=models.Q(("sha256__regex", "^[0-9a-f]{64}$")), name="a_volume_has_its_digest"
            ),
        ),
        TrackRows("casework", "inspectionpack", "'pack:' || r.id"),
        TrackRows("casework", "packvolume", "'pack:' || r.pack_id"),
        migrations.RunSQL(LAWS, UNDO),
    ]
