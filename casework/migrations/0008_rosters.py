"""Lists of people beside cases, and their laws: what was approved stays, each by her own name, and who decides does not pay."""

import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models

from audit.operations import TrackHistory

LAWS = """
CREATE FUNCTION casework_roster_digest(roster bigint) RETURNS text LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
  SELECT encode(sha256(convert_to(coalesce(string_agg(
    concat_ws('|', n, household_id, person_id, coalesce(account_id, 0), amount_fen), E'\\n' ORDER BY n), ''), 'UTF8')), 'hex')
  FROM casework_rosterline WHERE roster_id = roster AND state = 'on'
$$;

CREATE FUNCTION casework_roster_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE lines bigint; fen bigint;
BEGIN
  IF TG_OP = 'INSERT' AND NEW.state <> 'draft' THEN
    RAISE EXCEPTION 'list % does not begin as a draft', NEW.id USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_begins_as_a_draft';
  END IF;
  IF EXISTS (SELECT 1 FROM (VALUES (NEW.prepared_by_id, NEW.preparer_person_key), (NEW.approved_by_id, NEW.approver_person_key)) AS acted (staff, person)
             LEFT JOIN access_staff s ON s.id = acted.staff WHERE s.person_key IS DISTINCT FROM acted.person) THEN
    RAISE EXCEPTION 'list % names somebody else''s account', NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_names_its_persons';
  END IF;
  IF TG_OP = 'INSERT' THEN RETURN NULL; END IF;
  IF (OLD.key, OLD.kind, OLD.event, OLD.year, OLD.township_id, OLD.village_id, OLD.channel, OLD.provider_id, OLD.prepared_by_id, OLD.made_on)
     IS DISTINCT FROM
     (NEW.key, NEW.kind, NEW.event, NEW.year, NEW.township_id, NEW.village_id, NEW.channel, NEW.provider_id, NEW.prepared_by_id, NEW.made_on)
     OR OLD.state <> 'draft' AND (to_jsonb(OLD) - ARRAY['state', 'cancelled_on', 'cancel_reason'])
       <> (to_jsonb(NEW) - ARRAY['state', 'cancelled_on', 'cancel_reason'])
     OR (OLD.state, NEW.state) NOT IN (('draft', 'draft'), ('draft', 'approved'), ('draft', 'cancelled'), ('approved', 'approved'),
       ('approved', 'cancelled'), ('cancelled', 'cancelled')) THEN
    RAISE EXCEPTION 'list % stays as it was decided', NEW.id USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_stays_as_decided';
  END IF;
  IF NEW.state = 'approved' AND OLD.state = 'draft' THEN
    SELECT count(*), coalesce(sum(amount_fen), 0) INTO lines, fen FROM casework_rosterline WHERE roster_id = NEW.id AND state = 'on';
    IF lines = 0 OR (NEW.line_count, NEW.total_fen, NEW.approved_digest) IS DISTINCT FROM (lines::int, fen, casework_roster_digest(NEW.id)) THEN
      RAISE EXCEPTION 'the signature does not cover the lines of list %', NEW.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_signature_covers_its_lines';
    END IF;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER casework_guard AFTER INSERT OR UPDATE ON casework_roster FOR EACH ROW EXECUTE FUNCTION casework_roster_guard();

-- Lines come and go while the list is a draft; of a cancelled one they may be taken out. In sets: a list may be long.
CREATE FUNCTION casework_rosterline_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'a line is taken out, never deleted' USING ERRCODE = 'insufficient_privilege';
  END IF;
  PERFORM 1 FROM casework_roster WHERE id IN (SELECT roster_id FROM now_so) ORDER BY id FOR SHARE;  -- who approves waits for us
  IF TG_OP = 'INSERT' THEN
    IF EXISTS (SELECT 1 FROM now_so n JOIN casework_roster r ON r.id = n.roster_id
               WHERE r.state <> 'draft' OR n.state <> 'on' OR n.event_key <> concat_ws(':', r.kind, r.event, r.year)) THEN
      RAISE EXCEPTION 'a line joins a draft of its event' USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_lines_join_a_draft';
    END IF;
  ELSIF (SELECT count(*) FROM now_so) <> (SELECT count(*) FROM now_so n JOIN before_so o ON o.id = n.id JOIN casework_roster r ON r.id = n.roster_id
      WHERE (o.roster_id, o.n, o.event_key, o.household_id, o.person_id) = (n.roster_id, n.n, n.event_key, n.household_id, n.person_id)
        AND (o.state, n.state) IN (('on', 'on'), ('on', 'out'))
        AND (r.state = 'draft' OR r.state = 'cancelled' AND o.state = 'on' AND n.state = 'out'
             AND (o.account_id, o.amount_fen, o.words, o.accepted_because, o.village_id)
               IS NOT DISTINCT FROM (n.account_id, n.amount_fen, n.words, n.accepted_because, n.village_id))) THEN
    RAISE EXCEPTION 'a line that was approved stays' USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_lines_stay_as_approved';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER casework_joins AFTER INSERT ON casework_rosterline REFERENCING NEW TABLE AS now_so
  FOR EACH STATEMENT EXECUTE FUNCTION casework_rosterline_guard();
CREATE TRIGGER casework_stays AFTER UPDATE ON casework_rosterline REFERENCING OLD TABLE AS before_so NEW TABLE AS now_so
  FOR EACH STATEMENT EXECUTE FUNCTION casework_rosterline_guard();
CREATE TRIGGER casework_kept BEFORE DELETE ON casework_rosterline FOR EACH ROW EXECUTE FUNCTION casework_rosterline_guard();

-- Who prepared or approved a list does not make, check or release a payment of it (domain 4.3, rule 3).
CREATE FUNCTION casework_rosterbatch_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE batch bigint := CASE TG_TABLE_NAME WHEN 'casework_rosterbatch' THEN (to_jsonb(NEW)->>'batch_id')::bigint ELSE (to_jsonb(NEW)->>'id')::bigint END;
BEGIN
  IF TG_TABLE_NAME = 'casework_rosterbatch' AND TG_OP <> 'INSERT' THEN
    RAISE EXCEPTION 'which batch pays a list is not changed' USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF EXISTS (SELECT 1 FROM casework_rosterbatch x JOIN casework_roster r ON r.id = x.roster_id JOIN funds_paymentbatch b ON b.id = x.batch_id
             WHERE x.batch_id = batch AND (r.state <> 'approved' AND b.state = 'draft'
               OR ARRAY[r.preparer_person_key, r.approver_person_key] && ARRAY[b.maker_person_key, b.checker_person_key, b.releaser_person_key])) THEN
    RAISE EXCEPTION 'who decided a list does not pay it' USING ERRCODE = 'check_violation', CONSTRAINT = 'roster_decider_does_not_pay';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER casework_guard AFTER INSERT OR UPDATE ON casework_rosterbatch FOR EACH ROW EXECUTE FUNCTION casework_rosterbatch_guard();
CREATE TRIGGER casework_rosters AFTER UPDATE OF checker_person_key, releaser_person_key ON funds_paymentbatch
  FOR EACH ROW EXECUTE FUNCTION casework_rosterbatch_guard();

ALTER TABLE casework_roster ENABLE ALWAYS TRIGGER casework_guard;
ALTER TABLE casework_rosterline ENABLE ALWAYS TRIGGER casework_joins;
ALTER TABLE casework_rosterline ENABLE ALWAYS TRIGGER casework_stays;
ALTER TABLE casework_rosterline ENABLE ALWAYS TRIGGER casework_kept;
ALTER TABLE casework_rosterbatch ENABLE ALWAYS TRIGGER casework_guard;
ALTER TABLE funds_paymentbatch ENABLE ALWAYS TRIGGER casework_rosters;
"""

UNDO = """
DROP FUNCTION casework_roster_guard() CASCADE; DROP FUNCTION casework_rosterline_guard() CASCADE;
DROP FUNCTION casework_rosterbatch_guard() CASCADE; DROP FUNCTION casework_roster_digest(bigint);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0005_rate'),
        ('casework', '0007_decisions_by_day'),
        ('families', '0005_debt_is_lower_bound'),
        ('funds', '0007_laws_of_a_county'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='HistoricalRoster',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, verbose_name='ID')),
                ('history_behalf_id', models.BigIntegerField(null=True)),
                ('history_business_date', models.DateField(null=True)),
                ('key', models.CharField(help_text='the form that made it: pressed twice, it is one list', max_length=60)),
                ('kind', models.CharField(choices=[('visit_condolence', 'visit_condolence'), ('insurance_support', 'insurance_support'), ('skills_training', 'skills_training')], max_length=30)),
                ('title', models.CharField(max_length=80)),
                ('event', models.CharField(choices=[('spring_festival', 'spring_festival'), ('mid_autumn', 'mid_autumn'), ('double_ninth', 'double_ninth'), ('family_day', 'family_day'), ('other_visit', 'other_visit'), ('medical', 'medical'), ('accident', 'accident'), ('old_age', 'old_age'), ('first_half', 'first_half'), ('second_half', 'second_half')], max_length=20)),
                ('year', models.SmallIntegerField()),
                ('channel', models.CharField(choices=[('bank', '打到各人账户'), ('cash', '两人上门发现金'), ('provider', '付给办理单位')], max_length=10)),
                ('cash_reason', models.CharField(help_text='why it is handed out in cash; null: it is not', max_length=200, null=True)),
                ('amount_fen', models.BigIntegerField(help_text='for one line of an ordinary hardship household')),
                ('severe_fen', models.BigIntegerField(help_text='for one of a severe hardship household')),
                ('state', models.CharField(choices=[('draft', '编制中'), ('approved', '已批准'), ('cancelled', '已作废')], default='draft', max_length=10)),
                ('made_on', models.DateField()),
                ('preparer_person_key', models.CharField(max_length=32)),
                ('posted_on', models.DateField(help_text='when the list was put up where people see it', null=True)),
                ('posted_place', models.CharField(blank=True, max_length=80)),
                ('posted_digest', models.CharField(blank=True, help_text='of the lines that were put up', max_length=64)),
                ('approver_person_key', models.CharField(max_length=32, null=True)),
                ('approved_on', models.DateField(null=True)),
                ('approved_digest', models.CharField(blank=True, max_length=64)),
                ('line_count', models.IntegerField(default=0, help_text='of the lines that were approved')),
                ('total_fen', models.BigIntegerField(default=0)),
                ('cancelled_on', models.DateField(null=True)),
                ('cancel_reason', models.CharField(blank=True, max_length=200)),
                ('history_user_id', models.BigIntegerField(null=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField()),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('approved_by', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('county', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='access.orgunit')),
                ('prefecture', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='access.orgunit')),
                ('prepared_by', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('provider', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='funds.provider')),
                ('province', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='access.orgunit')),
                ('township', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='access.orgunit')),
                ('village', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='access.orgunit')),
            ],
            options={
                'verbose_name': 'historical roster',
                'verbose_name_plural': 'historical rosters',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Roster',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(help_text='the form that made it: pressed twice, it is one list', max_length=60, unique=True)),
                ('kind', models.CharField(choices=[('visit_condolence', 'visit_condolence'), ('insurance_support', 'insurance_support'), ('skills_training', 'skills_training')], max_length=30)),
                ('title', models.CharField(max_length=80)),
                ('event', models.CharField(choices=[('spring_festival', 'spring_festival'), ('mid_autumn', 'mid_autumn'), ('double_ninth', 'double_ninth'), ('family_day', 'family_day'), ('other_visit', 'other_visit'), ('medical', 'medical'), ('accident', 'accident'), ('old_age', 'old_age'), ('first_half', 'first_half'), ('second_half', 'second_half')], max_length=20)),
                ('year', models.SmallIntegerField()),
                ('channel', models.CharField(choices=[('bank', '打到各人账户'), ('cash', '两人上门发现金'), ('provider', '付给办理单位')], max_length=10)),
                ('cash_reason', models.CharField(help_text='why it is handed out in cash; null: it is not', max_length=200, null=True)),
                ('amount_fen', models.BigIntegerField(help_text='for one line of an ordinary hardship household')),
                ('severe_fen', models.BigIntegerField(help_text='for one of a severe hardship household')),
                ('state', models.CharField(choices=[('draft', '编制中'), ('approved', '已批准'), ('cancelled', '已作废')], default='draft', max_length=10)),
                ('made_on', models.DateField()),
                ('preparer_person_key', models.CharField(max_length=32)),
                ('posted_on', models.DateField(help_text='when the list was put up where people see it', null=True)),
                ('posted_place', models.CharField(blank=True, max_length=80)),
                ('posted_digest', models.CharField(blank=True, help_text='of the lines that were put up', max_length=64)),
                ('approver_person_key', models.CharField(max_length=32, null=True)),
                ('approved_on', models.DateField(null=True)),
                ('approved_digest', models.CharField(blank=True, max_length=64)),
                ('line_count', models.IntegerField(default=0, help_text='of the lines that were approved')),
                ('total_fen', models.BigIntegerField(default=0)),
                ('cancelled_on', models.DateField(null=True)),
                ('cancel_reason', models.CharField(blank=True, max_length=200)),
                ('approved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('county', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.orgunit')),
                ('prefecture', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.orgunit')),
                ('prepared_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('provider', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='funds.provider')),
                ('province', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.orgunit')),
                ('township', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.orgunit')),
                ('village', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.orgunit')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='HistoricalRosterLine',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, verbose_name='ID')),
                ('history_behalf_id', models.BigIntegerField(null=True)),
                ('history_business_date', models.DateField(null=True)),
                ('n', models.IntegerField()),
                ('event_key', models.CharField(max_length=60)),
                ('amount_fen', models.BigIntegerField()),
                ('words', models.CharField(blank=True, max_length=120)),
                ('accepted_because', models.CharField(blank=True, help_text='why a finding does not stand against it', max_length=200)),
                ('state', models.CharField(choices=[('on', '在册'), ('out', '已移出')], default='on', max_length=10)),
                ('out_reason', models.CharField(blank=True, max_length=200)),
                ('history_user_id', models.BigIntegerField(null=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField()),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('account', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='families.bankaccount')),
                ('household', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='families.household')),
                ('person', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='families.person')),
                ('village', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='access.orgunit')),
                ('roster', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='casework.roster')),
            ],
            options={
                'verbose_name': 'historical roster line',
                'verbose_name_plural': 'historical roster lines',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalRosterBatch',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, verbose_name='ID')),
                ('history_behalf_id', models.BigIntegerField(null=True)),
                ('history_business_date', models.DateField(null=True)),
                ('bank', models.CharField(blank=True, max_length=60)),
                ('history_user_id', models.BigIntegerField(null=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField()),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('batch', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='funds.paymentbatch')),
                ('roster', models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='casework.roster')),
            ],
            options={
                'verbose_name': 'historical roster batch',
                'verbose_name_plural': 'historical roster batchs',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='RosterBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('bank', models.CharField(blank=True, max_length=60)),
                ('batch', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='funds.paymentbatch')),
                ('roster', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='batches', to='casework.roster')),
            ],
        ),
        migrations.CreateModel(
            name='RosterLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('n', models.IntegerField()),
                ('event_key', models.CharField(max_length=60)),
                ('amount_fen', models.BigIntegerField()),
                ('words', models.CharField(blank=True, max_length=120)),
                ('accepted_because', models.CharField(blank=True, help_text='why a finding does not stand against it', max_length=200)),
                ('state', models.CharField(choices=[('on', '在册'), ('out', '已移出')], default='on', max_length=10)),
                ('out_reason', models.CharField(blank=True, max_length=200)),
                ('account', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='families.bankaccount')),
                ('household', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='roster_lines', to='families.household')),
                ('person', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='roster_lines', to='families.person')),
                ('roster', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='casework.roster')),
                ('village', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.orgunit')),
            ],
            options={
                'ordering': ['roster_id', 'n'],
            },
        ),
        migrations.AddIndex(
            model_name='roster',
            index=models.Index(fields=['township', '-id'], name='rosters_of_township'),
        ),
        migrations.AddIndex(
            model_name='roster',
            index=models.Index(fields=['county', '-id'], name='rosters_of_county'),
        ),
        migrations.AddConstraint(
            model_name='roster',
            constraint=models.CheckConstraint(condition=models.Q(('preparer_person_key', models.F('approver_person_key')), _negated=True), name='roster_preparer_is_not_approver'),
        ),
        migrations.AddConstraint(
            model_name='roster',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('approved_on__isnull', True), ('approver_person_key__isnull', True), ('state', 'draft')), models.Q(('approved_on__isnull', False), ('approver_person_key__isnull', False), ('state', 'approved')), models.Q(('cancelled_on__isnull', False), ('state', 'cancelled')), _connector='OR'), name='roster_state_has_its_persons'),
        ),
        migrations.AddConstraint(
            model_name='roster',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('cash_reason__isnull', True), ('channel', 'bank'), ('provider__isnull', True)), models.Q(('cash_reason__isnull', False), ('channel', 'cash'), ('provider__isnull', True), models.Q(('cash_reason', ''), _negated=True)), models.Q(('cash_reason__isnull', True), ('channel', 'provider'), ('provider__isnull', False)), _connector='OR'), name='roster_channel_is_whole'),
        ),
        migrations.AddConstraint(
            model_name='roster',
            constraint=models.CheckConstraint(condition=models.Q(('amount_fen__gt', 0), ('severe_fen__gt', 0)), name='roster_amounts_are_positive'),
        ),
        migrations.AddConstraint(
            model_name='roster',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'cancelled'), _negated=True), models.Q(('cancel_reason', ''), _negated=True), _connector='OR'), name='roster_cancelled_with_reason'),
        ),
        migrations.AddConstraint(
            model_name='rosterline',
            constraint=models.UniqueConstraint(fields=('roster', 'n'), name='roster_lines_count_up'),
        ),
        migrations.AddConstraint(
            model_name='rosterline',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'on')), fields=('person', 'event_key'), name='one_list_a_person_and_event'),
        ),
        migrations.AddConstraint(
            model_name='rosterline',
            constraint=models.CheckConstraint(condition=models.Q(('amount_fen__gt', 0)), name='roster_line_is_positive'),
        ),
        migrations.AddConstraint(
            model_name='rosterline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('state', 'out'), _negated=True), models.Q(('out_reason', ''), _negated=True), _connector='OR'), name='taken_out_with_reason'),
        ),
        migrations.RunSQL(LAWS, UNDO),
        TrackHistory("casework", "roster", "'roster:' || r.id"),
        TrackHistory("casework", "rosterline", "'roster:' || r.roster_id || ':' || r.n"),
        TrackHistory("casework", "rosterbatch", "'roster:' || r.roster_id"),
    ]
