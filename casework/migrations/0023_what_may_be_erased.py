"""Words about a family in its cases that may be erased (ADR 0035); who orders it is one natural person each."""

from django.db import migrations

from audit.operations import AllowErasure

GONE = "已清除"
LAW = """
CREATE FUNCTION casework_order_persons() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.proposer_person_key IS DISTINCT FROM (SELECT person_key FROM access_staff WHERE id = NEW.proposed_by)
     OR NEW.confirmer_person_key IS DISTINCT FROM (SELECT person_key FROM access_staff WHERE id = NEW.confirmed_by) THEN
    RAISE EXCEPTION 'the keys name other persons' USING ERRCODE = 'check_violation', CONSTRAINT = 'order_names_its_persons';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER casework_persons BEFORE INSERT OR UPDATE ON audit_erasureorder FOR EACH ROW EXECUTE FUNCTION casework_order_persons();
ALTER TABLE audit_erasureorder ENABLE ALWAYS TRIGGER casework_persons;
"""


class Migration(migrations.Migration):
    dependencies = [("casework", "0022_what_an_auditor_searches"), ("audit", "0008_erasure"), ("access", "0014_data_keys")]
    operations = [
        AllowErasure("casework", "case", {"head_name": GONE, "summary": ""}),
        AllowErasure("casework", "caseevent", {"reason": ""}),
        AllowErasure("casework", "deliberation", {"recused": [], "minutes": GONE}),
        AllowErasure("casework", "objection", {"words": GONE, "raised_by": "", "contact": "", "answer": GONE}),
        AllowErasure("casework", "measure", {"detail": "", "need_words": ""}),
        AllowErasure("casework", "followupvisit", {"words": ""}),
        migrations.RunSQL(LAW, "DROP FUNCTION casework_order_persons() CASCADE"),
    ]
