"""Bank files: what was sent and answered stays as it was; what an answer posts agrees with its payment, in raw SQL too."""

import django.db.models.deletion
import django.db.models.functions.text
import simple_history.models
from django.conf import settings
from django.db import migrations, models

from audit.operations import TrackHistory, TrackRows


LAWS = """
-- A line moves only the payment that it agrees with: to the fen, and to the account unless a person decided.
CREATE FUNCTION funds_bankline_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE p funds_payment;
BEGIN
  IF NEW.posted THEN
    SELECT * INTO p FROM funds_payment WHERE id = NEW.payment_id;
    IF p.amount_fen IS DISTINCT FROM NEW.amount_fen
       OR (NEW.accepted IS NOT TRUE AND p.account_index IS DISTINCT FROM NEW.account_index) THEN
      RAISE EXCEPTION 'line % does not agree with payment %', NEW.n, p.key
        USING ERRCODE = 'check_violation', CONSTRAINT = 'a_posted_line_agrees';
    END IF;
  END IF;
  RETURN NEW;
END $$;

-- A task stays about what it was opened for, and what was settled stays settled.
CREATE FUNCTION funds_banktask_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.kind, NEW.file_id, NEW.line_id, NEW.payment_id, NEW.amount_fen, NEW.words, NEW.opened_on) IS DISTINCT FROM
     (OLD.kind, OLD.file_id, OLD.line_id, OLD.payment_id, OLD.amount_fen, OLD.words, OLD.opened_on) THEN
    RAISE EXCEPTION 'task % stays about what it was opened for', NEW.id USING ERRCODE = 'insufficient_privilege';
  END IF;
  IF OLD.state = 'settled' THEN
    RAISE EXCEPTION 'task % was settled and stays so', NEW.id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'a_settled_task_stays';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER funds_guard BEFORE INSERT ON funds_bankline FOR EACH ROW EXECUTE FUNCTION funds_bankline_guard();
CREATE TRIGGER funds_guard BEFORE UPDATE ON funds_banktask FOR EACH ROW EXECUTE FUNCTION funds_banktask_guard();
ALTER TABLE funds_bankline ENABLE ALWAYS TRIGGER funds_guard;
ALTER TABLE funds_banktask ENABLE ALWAYS TRIGGER funds_guard;
"""

UNDO = """
DROP TRIGGER funds_guard ON funds_bankline; DROP TRIGGER funds_guard ON funds_banktask;
DROP FUNCTION funds_bankline_guard(); DROP FUNCTION funds_banktask_guard();
"""


class Migration(migrations.Migration):

    dependencies = [
        ('funds', '0008_sources'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='BankFile',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('list', '清单'), ('answer', '回单')], max_length=6)),
                ('bank', models.CharField(max_length=20)),
                ('format_version', models.CharField(max_length=20)),
                ('sha256', models.CharField(max_length=64, unique=True)),
                ('filename', models.CharField(max_length=120)),
                ('count', models.IntegerField(help_text='lines')),
                ('total_fen', models.BigIntegerField()),
                ('counts', models.JSONField(default=dict, help_text='of an answer: {result: lines}')),
                ('sums_fen', models.JSONField(default=dict, help_text='of an answer: {result: fen}')),
                ('reasons', models.JSONField(default=dict, help_text='of an answer: {result:reason: lines}')),
                ('made_on', models.DateField(help_text='the day it was made, or posted')),
            ],
            options={
                'ordering': ['-id'],
            },
        ),
        migrations.CreateModel(
            name='BankFormat',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(help_text='of the bank', max_length=20)),
                ('name', models.CharField(max_length=60)),
                ('direction', models.CharField(choices=[('out', '清单'), ('in', '回单')], max_length=3)),
                ('version', models.CharField(max_length=20)),
                ('valid_from', models.DateField()),
                ('spec', models.JSONField(help_text='see funds/banking/formats.py')),
                ('made_on', models.DateField()),
            ],
            options={
                'ordering': ['code', 'direction', 'valid_from'],
            },
        ),
        migrations.CreateModel(
            name='BankLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('n', models.IntegerField(help_text='row of the file, from 1')),
                ('bank', models.CharField(max_length=20)),
                ('serial', models.CharField(max_length=200)),
                ('bank_reference', models.CharField(blank=True, max_length=200)),
                ('owns_reference', models.BooleanField(help_text='the bank gives this reference to one payment alone')),
                ('account_last4', models.CharField(blank=True, max_length=4)),
                ('account_index', models.CharField(blank=True, max_length=32)),
                ('name', models.CharField(blank=True, max_length=200)),
                ('amount_fen', models.BigIntegerField(help_text='null: it could not be read', null=True)),
                ('outcome', models.CharField(help_text='credited, failed, returned or unclear', max_length=10)),
                ('reason_code', models.CharField(blank=True, max_length=20)),
                ('words', models.CharField(blank=True, help_text='status and reason as the bank wrote them', max_length=420)),
                ('happened_on', models.DateField(null=True)),
                ('verdict', models.CharField(choices=[('matched', '对上了'), ('probable', '像是'), ('unmatched', '对不上')], max_length=10)),
                ('result', models.CharField(help_text='matched_success, …, exception; see funds/banking/matching.py', max_length=20)),
                ('cause', models.CharField(blank=True, help_text='why it did not match', max_length=20)),
                ('accepted', models.BooleanField(help_text='of a probable line: what the person decided', null=True)),
                ('posted', models.BooleanField(help_text='the payment was moved by this line')),
            ],
            options={
                'ordering': ['file_id', 'n'],
            },
        ),
        migrations.CreateModel(
            name='BankTask',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('no_answer', '没有回单'), ('not_sent_by_us', '不是我们发的'), ('amount_mismatch', '金额不同'), ('account_mismatch', '账号不同'), ('duplicate_line', '同一笔两行'), ('contradicts', '前后相反'), ('reference_used', '银行流水号重复'), ('unreadable', '读不出来'), ('unclear_answer', '银行说不清'), ('name_differs', '户名不同'), ('account_masked', '账号遮住了'), ('serial_unknown', '流水号认不出'), ('late_return', '结案后退票')], max_length=20)),
                ('amount_fen', models.BigIntegerField(null=True)),
                ('words', models.TextField()),
                ('role', models.CharField(help_text='who must act', max_length=30)),
                ('opened_on', models.DateField()),
                ('state', models.CharField(choices=[('open', '没有解决'), ('settled', '已解决')], default='open', max_length=10)),
                ('asked_on', models.DateField(help_text='when the bank was asked', null=True)),
                ('settled_on', models.DateField(null=True)),
                ('how', models.CharField(blank=True, choices=[('answered', '后来的回单答复了'), ('bank_mistake', '银行弄错了，已更正'), ('one_payment', '只付了一次，多出来的一行不算'), ('recorded', '问清以后，已在批次里记下结果'), ('taken_back', '多付的已经追回'), ('other', '其他')], max_length=20)),
                ('note', models.CharField(blank=True, max_length=200)),
            ],
            options={
                'ordering': ['opened_on', 'id'],
            },
        ),
        migrations.CreateModel(
            name='HeadingMapping',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('bank', models.CharField(max_length=20)),
                ('signature', models.CharField(help_text='of the headings, in their order', max_length=64)),
                ('columns', models.JSONField(default=dict, help_text='{field: heading}; a field without a column has an empty one')),
                ('statuses', models.JSONField(default=dict, help_text="{the bank's word: credited, failed, returned or unclear}")),
                ('reasons', models.JSONField(default=dict, help_text="{the bank's word: code of ours}")),
                ('made_on', models.DateField()),
            ],
        ),
        migrations.CreateModel(
            name='HistoricalBankTask',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, verbose_name='ID')),
                ('history_behalf_id', models.BigIntegerField(null=True)),
                ('history_business_date', models.DateField(null=True)),
                ('kind', models.CharField(choices=[('no_answer', '没有回单'), ('not_sent_by_us', '不是我们发的'), ('amount_mismatch', '金额不同'), ('account_mismatch', '账号不同'), ('duplicate_line', '同一笔两行'), ('contradicts', '前后相反'), ('reference_used', '银行流水号重复'), ('unreadable', '读不出来'), ('unclear_answer', '银行说不清'), ('name_differs', '户名不同'), ('account_masked', '账号遮住了'), ('serial_unknown', '流水号认不出'), ('late_return', '结案后退票')], max_length=20)),
                ('amount_fen', models.BigIntegerField(null=True)),
                ('words', models.TextField()),
                ('role', models.CharField(help_text='who must act', max_length=30)),
                ('opened_on', models.DateField()),
                ('state', models.CharField(choices=[('open', '没有解决'), ('settled', '已解决')], default='open', max_length=10)),
                ('asked_on', models.DateField(help_text='when the bank was asked', null=True)),
                ('settled_on', models.DateField(null=True)),
                ('how', models.CharField(blank=True, choices=[('answered', '后来的回单答复了'), ('bank_mistake', '银行弄错了，已更正'), ('one_payment', '只付了一次，多出来的一行不算'), ('recorded', '问清以后，已在批次里记下结果'), ('taken_back', '多付的已经追回'), ('other', '其他')], max_length=20)),
                ('note', models.CharField(blank=True, max_length=200)),
                ('history_user_id', models.BigIntegerField(null=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField()),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
            ],
            options={
                'verbose_name': 'historical bank task',
                'verbose_name_plural': 'historical bank tasks',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name='HistoricalHeadingMapping',
            fields=[
                ('id', models.BigIntegerField(auto_created=True, blank=True, verbose_name='ID')),
                ('history_behalf_id', models.BigIntegerField(null=True)),
                ('history_business_date', models.DateField(null=True)),
                ('bank', models.CharField(max_length=20)),
                ('signature', models.CharField(help_text='of the headings, in their order', max_length=64)),
                ('columns', models.JSONField(default=dict, help_text='{field: heading}; a field without a column has an empty one')),
                ('statuses', models.JSONField(default=dict, help_text="{the bank's word: credited, failed, returned or unclear}")),
                ('reasons', models.JSONField(default=dict, help_text="{the bank's word: code of ours}")),
                ('made_on', models.DateField()),
                ('history_user_id', models.BigIntegerField(null=True)),
                ('history_change_reason', models.TextField(null=True)),
                ('history_id', models.AutoField(primary_key=True, serialize=False)),
                ('history_date', models.DateTimeField()),
                ('history_type', models.CharField(choices=[('+', 'Created'), ('~', 'Changed'), ('-', 'Deleted')], max_length=1)),
            ],
            options={
                'verbose_name': 'historical heading mapping',
                'verbose_name_plural': 'historical heading mappings',
                'ordering': ('-history_date', '-history_id'),
                'get_latest_by': ('history_date', 'history_id'),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.AddIndex(
            model_name='payment',
            index=models.Index(django.db.models.functions.text.Upper('key'), name='payments_by_serial'),
        ),
        migrations.AddField(
            model_name='bankfile',
            name='batch',
            field=models.ForeignKey(help_text='of a list; an answer may tell of many', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='bank_lists', to='funds.paymentbatch'),
        ),
        migrations.AddField(
            model_name='bankfile',
            name='made_by',
            field=models.ForeignKey(help_text='who had it made, or posted it', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='bankformat',
            name='made_by',
            field=models.ForeignKey(help_text='null: it came with the product', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='bankline',
            name='file',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='funds.bankfile'),
        ),
        migrations.AddField(
            model_name='bankline',
            name='payment',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='bank_lines', to='funds.payment'),
        ),
        migrations.AddField(
            model_name='banktask',
            name='asked_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='banktask',
            name='file',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='tasks', to='funds.bankfile'),
        ),
        migrations.AddField(
            model_name='banktask',
            name='line',
            field=models.OneToOneField(help_text='null: of no line', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='task', to='funds.bankline'),
        ),
        migrations.AddField(
            model_name='banktask',
            name='payment',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='bank_tasks', to='funds.payment'),
        ),
        migrations.AddField(
            model_name='banktask',
            name='settled_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='headingmapping',
            name='made_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='historicalbanktask',
            name='asked_by',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='historicalbanktask',
            name='file',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='funds.bankfile'),
        ),
        migrations.AddField(
            model_name='historicalbanktask',
            name='line',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, help_text='null: of no line', null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='funds.bankline'),
        ),
        migrations.AddField(
            model_name='historicalbanktask',
            name='payment',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='funds.payment'),
        ),
        migrations.AddField(
            model_name='historicalbanktask',
            name='settled_by',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='historicalheadingmapping',
            name='made_by',
            field=models.ForeignKey(blank=True, db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddConstraint(
            model_name='bankfile',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('batch__isnull', False), ('kind', 'list')), models.Q(('batch__isnull', True), ('kind', 'answer')), _connector='OR'), name='a_list_is_of_a_batch'),
        ),
        migrations.AddConstraint(
            model_name='bankfile',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'answer'), _negated=True), ('made_by__isnull', False), _connector='OR'), name='an_answer_is_posted_by_somebody'),
        ),
        migrations.AddConstraint(
            model_name='bankformat',
            constraint=models.UniqueConstraint(fields=('code', 'direction', 'version'), name='one_format_a_version'),
        ),
        migrations.AddConstraint(
            model_name='bankformat',
            constraint=models.UniqueConstraint(fields=('code', 'direction', 'valid_from'), name='one_format_a_day'),
        ),
        migrations.AddConstraint(
            model_name='bankline',
            constraint=models.UniqueConstraint(fields=('file', 'n'), name='a_line_once_a_file'),
        ),
        migrations.AddConstraint(
            model_name='bankline',
            constraint=models.UniqueConstraint(condition=models.Q(('owns_reference', True)), fields=('bank', 'bank_reference'), name='one_payment_a_bank_reference'),
        ),
        migrations.AddConstraint(
            model_name='bankline',
            constraint=models.CheckConstraint(condition=models.Q(('owns_reference', False), models.Q(('posted', True), models.Q(('bank_reference', ''), _negated=True)), _connector='OR'), name='only_posted_lines_own_a_reference'),
        ),
        migrations.AddConstraint(
            model_name='bankline',
            constraint=models.CheckConstraint(condition=models.Q(('posted', False), models.Q(('payment__isnull', False), models.Q(('verdict', 'matched'), models.Q(('accepted', True), ('verdict', 'probable')), _connector='OR')), _connector='OR'), name='only_what_matched_is_posted'),
        ),
        migrations.AddIndex(
            model_name='banktask',
            index=models.Index(condition=models.Q(('state', 'open')), fields=['opened_on', 'id'], name='bank_tasks_open'),
        ),
        migrations.AddConstraint(
            model_name='banktask',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'no_answer'), ('state', 'open')), fields=('payment',), name='one_open_question_a_payment'),
        ),
        migrations.AddConstraint(
            model_name='banktask',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('how', ''), ('settled_by__isnull', True), ('settled_on__isnull', True), ('state', 'open')), models.Q(('settled_by__isnull', False), ('settled_on__isnull', False), ('state', 'settled'), models.Q(('how', ''), _negated=True)), _connector='OR'), name='settled_by_somebody'),
        ),
        migrations.AddConstraint(
            model_name='banktask',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('asked_by__isnull', True), ('asked_on__isnull', True)), models.Q(('asked_by__isnull', False), ('asked_on__isnull', False)), _connector='OR'), name='asked_by_somebody'),
        ),
        migrations.AddConstraint(
            model_name='banktask',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('how', 'other'), _negated=True), models.Q(('note', ''), _negated=True), _connector='OR'), name='another_way_says_which'),
        ),
        migrations.AddConstraint(
            model_name='banktask',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'no_answer'), ('line__isnull', True), ('payment__isnull', False)), models.Q(models.Q(('kind', 'no_answer'), _negated=True), ('line__isnull', False)), _connector='OR'), name='a_task_is_about_something'),
        ),
        migrations.AddConstraint(
            model_name='headingmapping',
            constraint=models.UniqueConstraint(fields=('bank', 'signature'), name='one_mapping_a_heading'),
        ),
        migrations.RunSQL(LAWS, UNDO),
        TrackRows("funds", "bankformat", "'bank:' || r.code"),
        TrackRows("funds", "bankfile", "'bankfile:' || r.id"),
        TrackRows("funds", "bankline", "'bankfile:' || r.file_id"),
        TrackHistory("funds", "headingmapping", "'bank:' || r.bank"),
        TrackHistory("funds", "banktask", "'bankfile:' || r.file_id"),
    ]
