"""Donors, campaigns and receipts, and their laws: an income is what its transfer says, and stays."""

import django.db.models.deletion
import simple_history.models
from django.conf import settings
from django.db import migrations, models

from audit.operations import TrackHistory, TrackRows

LAWS = """
-- An income is its transfer: the same amount into the same fund, kept by the same unit, never changed afterwards.
CREATE FUNCTION funds_receipt_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE t funds_transfer; f funds_fund; g funds_campaign;
BEGIN
  SELECT * INTO t FROM funds_transfer WHERE id = NEW.transfer_id;
  SELECT x.* INTO f FROM funds_fund x JOIN funds_account a ON a.fund_id = x.id WHERE a.id = t.credit_id;
  IF (t.kind, t.amount_fen, f.id, f.unit_id) IS DISTINCT FROM ('receive', NEW.amount_fen, NEW.fund_id, NEW.unit_id)
     OR t.reverses_id IS NOT NULL OR NEW.received_on > t.business_date THEN
    RAISE EXCEPTION 'receipt of % is not what transfer % says', NEW.amount_fen, t.key
      USING ERRCODE = 'check_violation', CONSTRAINT = 'receipt_is_its_transfer';
  END IF;
  IF NOT f.source = ANY (CASE NEW.kind WHEN 'fiscal' THEN ARRAY['fiscal'] WHEN 'donation' THEN ARRAY['raised', 'in_kind']
       WHEN 'partner' THEN ARRAY['partner', 'raised'] WHEN 'dues' THEN ARRAY['dues', 'raised'] ELSE ARRAY[f.source] END) THEN
    RAISE EXCEPTION 'fund % takes no % money', f.code, NEW.kind USING ERRCODE = 'check_violation', CONSTRAINT = 'receipt_suits_its_fund';
  END IF;
  IF NEW.donor_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM funds_donor d WHERE d.id = NEW.donor_id
       AND (funds_unit_within(d.unit_id, f.unit_id) OR funds_unit_within(f.unit_id, d.unit_id))) THEN
    RAISE EXCEPTION 'donor % stands on another house''s list', NEW.donor_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'donor_of_this_house';
  END IF;
  SELECT * INTO g FROM funds_campaign WHERE id = NEW.campaign_id FOR SHARE;
  IF g.fund_id <> NEW.fund_id OR g.starts_on > NEW.received_on OR g.closed_on < NEW.received_on THEN
    RAISE EXCEPTION 'campaign % took no money of this fund on that day', g.name
      USING ERRCODE = 'check_violation', CONSTRAINT = 'campaign_was_open';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER funds_guard AFTER INSERT ON funds_receipt FOR EACH ROW EXECUTE FUNCTION funds_receipt_guard();

-- Who gave is written once; a name spelt wrong is a new row, or papers that are out would say something else.
CREATE FUNCTION funds_donor_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'donor % is not changed, it is recorded anew', OLD.id USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER funds_guard BEFORE UPDATE OR DELETE ON funds_donor FOR EACH ROW EXECUTE FUNCTION funds_donor_guard();

-- What donors were told stays. A campaign closes once, and not before a donation that it has.
CREATE FUNCTION funds_campaign_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' OR (OLD.unit_id, OLD.fund_id, OLD.name, OLD.purpose_words, OLD.licence_no, OLD.starts_on)
       IS DISTINCT FROM (NEW.unit_id, NEW.fund_id, NEW.name, NEW.purpose_words, NEW.licence_no, NEW.starts_on)
     OR OLD.closed_on IS NOT NULL AND NEW.closed_on IS DISTINCT FROM OLD.closed_on
     OR OLD.published_on IS NOT NULL AND (NEW.published_on IS NULL OR NEW.published_on < OLD.published_on) THEN
    RAISE EXCEPTION 'what was said of campaign % stays', OLD.name USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF EXISTS (SELECT 1 FROM funds_receipt r WHERE r.campaign_id = NEW.id AND r.received_on > NEW.closed_on) THEN
    RAISE EXCEPTION 'campaign % has later donations', NEW.name USING ERRCODE = 'check_violation', CONSTRAINT = 'campaign_was_open';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER funds_guard BEFORE UPDATE OR DELETE ON funds_campaign FOR EACH ROW EXECUTE FUNCTION funds_campaign_guard();

ALTER TABLE funds_receipt ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_donor ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_campaign ENABLE ALWAYS TRIGGER funds_guard;
"""

UNDO = """
DROP FUNCTION funds_receipt_guard() CASCADE; DROP FUNCTION funds_donor_guard() CASCADE; DROP FUNCTION funds_campaign_guard() CASCADE;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0005_rate'),
        ('funds', '0007_laws_of_a_county'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Campaign',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=80)),
                ('purpose_words', models.CharField(help_text='what donors were told', max_length=200)),
                ('licence_no', models.CharField(blank=True, help_text='number of the licence for public fundraising', max_length=60)),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField(null=True)),
                ('closed_on', models.DateField(null=True)),
                ('published_on', models.DateField(help_text='when its figures were last made public', null=True)),
                ('published_where', models.CharField(blank=True, max_length=80)),
                ('fund', models.ForeignKey(help_text='where its money goes', on_delete=django.db.models.deletion.PROTECT, related_name='campaigns', to='funds.fund')),
                ('unit', models.ForeignKey(help_text='who appeals', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.orgunit')),
            ],
            options={
                'ordering': ['-starts_on', '-id'],
            },
        ),
        migrations.CreateModel(
            name='Donor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(max_length=80, unique=True)),
                ('kind', models.CharField(choices=[('person', '个人'), ('company', '企业'), ('organisation', '社会组织'), ('anonymous', '不留名')], max_length=12)),
                ('name', models.CharField(blank=True, max_length=80)),
                ('unit', models.ForeignKey(help_text='whose list it stands on', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.orgunit')),
            ],
            options={
                'ordering': ['name', 'id'],
            },
        ),
        migrations.CreateModel(
            name='HistoricalCampaign',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, verbose_name='ID')),
                ('history_behalf_id', models.BigIntegerField(null=True)),
                ('history_business_date', models.DateField(null=True)),
                ('name', models.CharField(max_length=80)),
                ('purpose_words', models.CharField(help_text='what donors were told', max_length=200)),
                ('licence_no', models.CharField(blank=True, help_text='number of the licence for public fundraising', max_length=60)),
                ('starts_on', models.DateField()),
                ('ends_on', models.DateField(null=True)),
                ('closed_on', models.DateField(null=True)),
                ('published_on', models.DateField(help_text='when its figures were last made public', null=True)),
                ('published_where', models.CharField(blank=True, max_length=80)),
                ('history_user_id', models.BigIntegerField(null=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField()),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('fund', models.ForeignKey(blank=True, db_constraint=False, db_index=False, help_text='where its money goes', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='funds.fund')),
                ('unit', models.ForeignKey(blank=True, db_constraint=False, db_index=False, help_text='who appeals', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='access.orgunit')),
            ],
            options={
                'verbose_name': 'historical campaign',
                'verbose_name_plural': 'historical campaigns',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalDonor',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, verbose_name='ID')),
                ('history_behalf_id', models.BigIntegerField(null=True)),
                ('history_business_date', models.DateField(null=True)),
                ('key', models.CharField(max_length=80)),
                ('kind', models.CharField(choices=[('person', '个人'), ('company', '企业'), ('organisation', '社会组织'), ('anonymous', '不留名')], max_length=12)),
                ('name', models.CharField(blank=True, max_length=80)),
                ('history_user_id', models.BigIntegerField(null=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField()),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
                ('unit', models.ForeignKey(blank=True, db_constraint=False, db_index=False, help_text='whose list it stands on', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='access.orgunit')),
            ],
            options={
                'verbose_name': 'historical donor',
                'verbose_name_plural': 'historical donors',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='Receipt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('fiscal', '财政拨款'), ('donation', '捐赠'), ('partner', '合作单位拨款'), ('dues', '会费'), ('other', '利息等其他')], max_length=10)),
                ('amount_fen', models.BigIntegerField()),
                ('received_on', models.DateField(help_text="on the bank account; entered on the transfer's business date")),
                ('receipt_no', models.CharField(help_text='of the paper given to the donor (票据号)', max_length=40, null=True)),
                ('document_no', models.CharField(blank=True, help_text='文号 or 指标号', max_length=60)),
                ('purpose_words', models.CharField(blank=True, help_text='what the giver wants it used for', max_length=200)),
                ('bank_reference', models.CharField(blank=True, max_length=60)),
                ('campaign', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='receipts', to='funds.campaign')),
                ('donor', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='receipts', to='funds.donor')),
                ('fund', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='receipts', to='funds.fund')),
                ('recorded_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('transfer', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='receipt', to='funds.transfer')),
                ('unit', models.ForeignKey(help_text='who received it: keeps the fund', on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.orgunit')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.UniqueConstraint(fields=('unit', 'name'), name='a_campaign_once'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(('purpose_words', ''), _negated=True), name='campaign_says_what_for'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('ends_on__isnull', True), ('ends_on__gte', models.F('starts_on')), _connector='OR'), models.Q(('closed_on__isnull', True), ('closed_on__gte', models.F('starts_on')), _connector='OR')), name='campaign_dates_in_order'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(('published_on__isnull', True), models.Q(('published_where', ''), _negated=True), _connector='OR'), name='published_somewhere'),
        ),
        migrations.AddConstraint(
            model_name='donor',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'anonymous'), ('name', '')), models.Q(models.Q(('kind', 'anonymous'), _negated=True), models.Q(('name', ''), _negated=True)), _connector='OR'), name='donor_has_a_name'),
        ),
        migrations.AddConstraint(
            model_name='donor',
            constraint=models.UniqueConstraint(condition=models.Q(('kind__in', ['company', 'organisation'])), fields=('unit', 'name'), name='an_organisation_once_on_a_list'),
        ),
        migrations.AddConstraint(
            model_name='donor',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'anonymous')), fields=('unit',), name='one_row_for_all_without_a_name'),
        ),
        migrations.AddIndex(
            model_name='receipt',
            index=models.Index(condition=models.Q(('donor__isnull', False)), fields=['donor', 'id'], name='receipts_of_a_donor'),
        ),
        migrations.AddIndex(
            model_name='receipt',
            index=models.Index(condition=models.Q(('campaign__isnull', False)), fields=['campaign', 'id'], name='receipts_of_a_campaign'),
        ),
        migrations.AddConstraint(
            model_name='receipt',
            constraint=models.CheckConstraint(condition=models.Q(('amount_fen__gt', 0)), name='receipt_is_positive'),
        ),
        migrations.AddConstraint(
            model_name='receipt',
            constraint=models.CheckConstraint(condition=models.Q(('receipt_no', ''), _negated=True), name='receipt_number_or_none'),
        ),
        migrations.AddConstraint(
            model_name='receipt',
            constraint=models.UniqueConstraint(fields=('unit', 'receipt_no'), name='a_receipt_number_once'),
        ),
        migrations.AddConstraint(
            model_name='receipt',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'donation'), _negated=True), models.Q(('donor__isnull', False), ('receipt_no__isnull', False)), _connector='OR'), name='donation_has_donor_and_receipt'),
        ),
        migrations.AddConstraint(
            model_name='receipt',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'fiscal'), _negated=True), models.Q(('document_no', ''), _negated=True), _connector='OR'), name='fiscal_money_has_its_document'),
        ),
        migrations.AddConstraint(
            model_name='receipt',
            constraint=models.CheckConstraint(condition=models.Q(('campaign__isnull', True), ('kind', 'donation'), _connector='OR'), name='campaigns_bring_donations'),
        ),
        migrations.RunSQL(LAWS, UNDO),
        TrackHistory("funds", "donor", "'donor:' || r.id"),
        TrackHistory("funds", "campaign", "'campaign:' || r.id"),
        TrackRows("funds", "receipt", "'fund:' || r.fund_id"),
    ]
