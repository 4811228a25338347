"""After a restore nothing is released or sent before the bank was asked, and two persons lift that.

A raw UPDATE meets the same: no batch is released, no payment sent, while a freeze is open; a freeze is lifted by a confirmed
proposal when every account has a reviewed sheet of that day or later that was written after it; and none is deleted.
"""

import django.db.models.deletion
import simple_history.models
from django.db import migrations, models

from audit.operations import TrackHistory

LAWS = """
CREATE FUNCTION funds_refuse_while_frozen() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF OLD.state = NEW.state THEN RETURN NEW; END IF;
  END IF;
  IF EXISTS (SELECT 1 FROM funds_paymentfreeze WHERE proposal_id IS NULL) THEN
    RAISE EXCEPTION 'payments are frozen after a restore' USING ERRCODE = 'check_violation', CONSTRAINT = 'payments_frozen';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER funds_frozen BEFORE INSERT OR UPDATE ON funds_paymentbatch FOR EACH ROW WHEN (NEW.state = 'released')
  EXECUTE FUNCTION funds_refuse_while_frozen();
CREATE TRIGGER funds_frozen BEFORE INSERT OR UPDATE ON funds_payment FOR EACH ROW WHEN (NEW.state = 'sent')
  EXECUTE FUNCTION funds_refuse_while_frozen();

CREATE FUNCTION funds_freeze_is_lifted_once() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a freeze is lifted, not deleted' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF TG_OP = 'INSERT' THEN
    IF NEW.proposal_id IS NOT NULL THEN
      RAISE EXCEPTION 'a freeze begins open' USING ERRCODE = 'check_violation', CONSTRAINT = 'freeze_begins_open';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.proposal_id IS NOT NULL OR (NEW.id, NEW.restored_at, NEW.source, NEW.frozen_on, NEW.last_reconciliation)
      <> (OLD.id, OLD.restored_at, OLD.source, OLD.frozen_on, OLD.last_reconciliation) OR NEW.reached IS DISTINCT FROM OLD.reached THEN
    RAISE EXCEPTION 'a freeze stays as it was written' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM funds_proposal p WHERE p.id = NEW.proposal_id AND p.kind = 'lift_freeze' AND p.state = 'confirmed'
                   AND p.proposer_person_key <> p.decider_person_key) THEN
    RAISE EXCEPTION 'a freeze is lifted by two persons' USING ERRCODE = 'check_violation', CONSTRAINT = 'freeze_lifted_by_two';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM funds_depositaccount a WHERE a.ended_on IS NULL OR a.ended_on >= NEW.frozen_on)
     OR EXISTS (SELECT 1 FROM funds_depositaccount a WHERE (a.ended_on IS NULL OR a.ended_on >= NEW.frozen_on) AND NOT EXISTS (
                  SELECT 1 FROM funds_reconciliation r WHERE r.account_id = a.id AND r.state = 'reviewed'
                    AND r."on" >= NEW.frozen_on AND r.id > NEW.last_reconciliation)) THEN
    RAISE EXCEPTION 'the bank was not asked' USING ERRCODE = 'check_violation', CONSTRAINT = 'freeze_lifted_after_the_bank';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER funds_lifted_once BEFORE INSERT OR UPDATE OR DELETE ON funds_paymentfreeze FOR EACH ROW
  EXECUTE FUNCTION funds_freeze_is_lifted_once();

ALTER TABLE funds_paymentbatch ENABLE ALWAYS TRIGGER funds_frozen;
ALTER TABLE funds_payment ENABLE ALWAYS TRIGGER funds_frozen;
ALTER TABLE funds_paymentfreeze ENABLE ALWAYS TRIGGER funds_lifted_once;
"""
UNDO = "DROP FUNCTION funds_refuse_while_frozen() CASCADE; DROP FUNCTION funds_freeze_is_lifted_once() CASCADE;"


class Migration(migrations.Migration):

    dependencies = [
        ('funds', '0032_second_person_laws'),
    ]

    operations = [
        migrations.AlterField(
            model_name='historicalproposal',
            name='kind',
            field=models.CharField(choices=[('take_back', '收回分配'), ('interfund', '资金间划转'), ('carry_over', '结转下年'), ('hand_back', '上缴或退还'), ('reverse', '冲正'), ('close_period', '结账'), ('write_off', '核销'), ('imprest_limit', '备用金定额'), ('lift_freeze', '解除付款冻结')], max_length=20),
        ),
        migrations.AlterField(
            model_name='proposal',
            name='kind',
            field=models.CharField(choices=[('take_back', '收回分配'), ('interfund', '资金间划转'), ('carry_over', '结转下年'), ('hand_back', '上缴或退还'), ('reverse', '冲正'), ('close_period', '结账'), ('write_off', '核销'), ('imprest_limit', '备用金定额'), ('lift_freeze', '解除付款冻结')], max_length=20),
        ),
        migrations.CreateModel(
            name='HistoricalPaymentFreeze',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, verbose_name='ID')),
                ('history_behalf_id', models.BigIntegerField(null=True)),
                ('history_business_date', models.DateField(null=True)),
                ('restored_at', models.DateTimeField()),
                ('reached', models.DateTimeField(help_text='up to when the books came back, if it is known', null=True)),
                ('source', models.CharField(help_text='which backup', max_length=200)),
                ('frozen_on', models.DateField(help_text="the bank's paper has to be of this day or later")),
                ('last_reconciliation', models.BigIntegerField(help_text='only sheets that were written after this one count')),
                ('lifted_on', models.DateField(null=True)),
                ('history_user_id', models.BigIntegerField(null=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField()),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('proposal', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='funds.proposal')),
            ],
            options={
                'verbose_name': 'historical payment freeze',
                'verbose_name_plural': 'historical payment freezes',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='PaymentFreeze',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('restored_at', models.DateTimeField()),
                ('reached', models.DateTimeField(help_text='up to when the books came back, if it is known', null=True)),
                ('source', models.CharField(help_text='which backup', max_length=200)),
                ('frozen_on', models.DateField(help_text="the bank's paper has to be of this day or later")),
                ('last_reconciliation', models.BigIntegerField(help_text='only sheets that were written after this one count')),
                ('lifted_on', models.DateField(null=True)),
                ('proposal', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='freezes', to='funds.proposal')),
            ],
            options={
                'ordering': ['-id'],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('lifted_on__isnull', True), ('proposal__isnull', True)), models.Q(('lifted_on__isnull', False), ('proposal__isnull', False)), _connector='OR'), name='freeze_lifted_by_a_proposal'), models.CheckConstraint(condition=models.Q(('source', ''), _negated=True), name='freeze_names_its_backup')],
            },
        ),
        TrackHistory("funds", "paymentfreeze", "'freeze:' || r.id"),
        migrations.RunSQL(LAWS, UNDO),
    ]
