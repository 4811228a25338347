"""The rule pack, questions with answers, samples: written once, chained, never changed."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from audit.operations import TrackRows


TRACKED = {
    "rulerun": "'rules:' || r.unit_id",
    "rulehit": "'rule_run:' || r.run_id",
    "ruleverdict": "r.subject",
    "ruleparameter": "'rules:' || r.unit_id",
    "question": "'question:' || r.id",
    "questionentry": "'question:' || r.question_id",
    "sample": "'sample:' || r.id",
}

LAWS = """
CREATE FUNCTION casework_question_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE last casework_questionentry; asker text;
BEGIN
  PERFORM 1 FROM casework_question WHERE id = NEW.question_id FOR UPDATE;
  SELECT * INTO last FROM casework_questionentry WHERE question_id = NEW.question_id ORDER BY n DESC LIMIT 1;
  IF NEW.n <> coalesce(last.n, 0) + 1 OR last.kind = 'close' OR (last.id IS NULL AND NEW.kind <> 'ask')
     OR (NEW.kind = 'answer' AND last.kind <> 'ask') THEN
    RAISE EXCEPTION 'question % does not go on like that', NEW.question_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'question_goes_its_way';
  END IF;
  IF NEW.by_person_key IS DISTINCT FROM (SELECT person_key FROM access_staff WHERE id = NEW.by_id) THEN
    RAISE EXCEPTION 'an entry of question % names somebody else', NEW.question_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_names_its_person';
  END IF;
  SELECT s.person_key INTO asker FROM casework_question q JOIN access_staff s ON s.id = q.asked_by_id WHERE q.id = NEW.question_id;
  IF NEW.kind = 'answer' AND NEW.by_person_key = asker THEN
    RAISE EXCEPTION 'question % is not answered by whoever asked it', NEW.question_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'asker_does_not_answer';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER casework_guard BEFORE INSERT ON casework_questionentry FOR EACH ROW EXECUTE FUNCTION casework_question_guard();
ALTER TABLE casework_questionentry ENABLE ALWAYS TRIGGER casework_guard;
"""
UNDO = "DROP TRIGGER casework_guard ON casework_questionentry; DROP FUNCTION casework_question_guard();"


class Migration(migrations.Migration):

    dependencies = [
        ('access', '0006_storekeeper'),
        ('casework', '0016_own_family_on_a_list'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Question',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(max_length=20, unique=True)),
                ('asked_role', models.CharField(max_length=20)),
                ('title', models.CharField(max_length=80)),
                ('due_on', models.DateField()),
                ('subjects', models.JSONField(default=list, help_text='what it is about: ["case:12", …]')),
                ('rule', models.CharField(blank=True, max_length=30)),
                ('asked_on', models.DateField()),
                ('key', models.CharField(help_text='one pressing of the button', max_length=80, unique=True)),
                ('asked_by', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('unit', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.orgunit')),
            ],
        ),
        migrations.CreateModel(
            name='QuestionEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('n', models.SmallIntegerField()),
                ('kind', models.CharField(choices=[('ask', 'Ask'), ('answer', 'Answer'), ('close', 'Close')], max_length=6)),
                ('words', models.TextField()),
                ('due_on', models.DateField(help_text='by when an answer is wanted; of what is asked', null=True)),
                ('upheld', models.BooleanField(help_text='of the end: whether there was something wrong', null=True)),
                ('by_person_key', models.CharField(max_length=32)),
                ('entered_on', models.DateField()),
                ('by', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('question', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='casework.question')),
            ],
            options={
                'ordering': ['question_id', 'n'],
            },
        ),
        migrations.CreateModel(
            name='RuleParameter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rule', models.CharField(max_length=30)),
                ('name', models.CharField(max_length=30)),
                ('value', models.IntegerField()),
                ('valid_from', models.DateField()),
                ('because', models.CharField(max_length=300)),
                ('set_by', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('unit', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.orgunit')),
            ],
        ),
        migrations.CreateModel(
            name='RuleRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('as_of', models.DateField()),
                ('parameters', models.JSONField(help_text='{rule: {name: value}}')),
                ('counts', models.JSONField(help_text='{rule: hits}')),
                ('run_at', models.DateTimeField(auto_now_add=True)),
                ('run_by', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('unit', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.orgunit')),
            ],
        ),
        migrations.CreateModel(
            name='RuleHit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rule', models.CharField(max_length=30)),
                ('subject', models.CharField(max_length=40)),
                ('day', models.DateField(help_text='when it happened', null=True)),
                ('facts', models.JSONField(help_text='numbers, dates and amounts; never a name')),
                ('village', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.orgunit')),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='hits', to='casework.rulerun')),
            ],
        ),
        migrations.CreateModel(
            name='RuleVerdict',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rule', models.CharField(max_length=30)),
                ('subject', models.CharField(max_length=40)),
                ('facts', models.JSONField()),
                ('because', models.CharField(max_length=300)),
                ('judged_on', models.DateField()),
                ('judged_by', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Sample',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(max_length=20, unique=True)),
                ('of', models.CharField(choices=[('cases', 'Cases'), ('payments', 'Payments')], max_length=10)),
                ('first_on', models.DateField()),
                ('last_on', models.DateField()),
                ('least_fen', models.BigIntegerField(default=0)),
                ('seed', models.CharField(help_text='made public before it was used', max_length=80)),
                ('seed_source', models.CharField(help_text='where it was made public, and when', max_length=120)),
                ('population', models.IntegerField()),
                ('population_sha256', models.CharField(help_text='of the numbers in order, a comma between them', max_length=64)),
                ('size', models.IntegerField()),
                ('drawn', models.JSONField(help_text='the numbers, in the order of their SHA-256')),
                ('drawn_on', models.DateField()),
                ('drawn_by', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('unit', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='access.orgunit')),
            ],
        ),
        migrations.AddIndex(
            model_name='question',
            index=models.Index(fields=['unit', 'asked_role', '-id'], name='questions_of_unit'),
        ),
        migrations.AddConstraint(
            model_name='questionentry',
            constraint=models.UniqueConstraint(fields=('question', 'n'), name='entries_count_up'),
        ),
        migrations.AddConstraint(
            model_name='questionentry',
            constraint=models.UniqueConstraint(condition=models.Q(('kind', 'close')), fields=('question',), name='a_question_ends_once'),
        ),
        migrations.AddConstraint(
            model_name='questionentry',
            constraint=models.CheckConstraint(condition=models.Q(('words', ''), _negated=True), name='an_entry_says_something'),
        ),
        migrations.AddConstraint(
            model_name='questionentry',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'close'), ('upheld__isnull', False)), models.Q(models.Q(('kind', 'close'), _negated=True), ('upheld__isnull', True)), _connector='OR'), name='the_end_says_what_was_found'),
        ),
        migrations.AddIndex(
            model_name='ruleparameter',
            index=models.Index(fields=['unit', 'rule', 'name', '-id'], name='rule_parameters_of_unit'),
        ),
        migrations.AddConstraint(
            model_name='ruleparameter',
            constraint=models.CheckConstraint(condition=models.Q(('value__gte', 0)), name='rule_parameter_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='ruleparameter',
            constraint=models.CheckConstraint(condition=models.Q(('because', ''), _negated=True), name='a_parameter_says_why'),
        ),
        migrations.AddIndex(
            model_name='rulerun',
            index=models.Index(fields=['unit', '-id'], name='rule_runs_of_unit'),
        ),
        migrations.AddConstraint(
            model_name='rulehit',
            constraint=models.UniqueConstraint(fields=('run', 'rule', 'subject'), name='a_hit_once_a_run'),
        ),
        migrations.AddIndex(
            model_name='ruleverdict',
            index=models.Index(fields=['rule', 'subject', '-id'], name='verdicts_on_subject'),
        ),
        migrations.AddConstraint(
            model_name='ruleverdict',
            constraint=models.CheckConstraint(condition=models.Q(('because', ''), _negated=True), name='a_verdict_says_why'),
        ),
        migrations.AddIndex(
            model_name='sample',
            index=models.Index(fields=['unit', '-id'], name='samples_of_unit'),
        ),
        migrations.AddConstraint(
            model_name='sample',
            constraint=models.CheckConstraint(condition=models.Q(('size__gt', 0)), name='sample_is_not_empty'),
        ),
        migrations.AddConstraint(
            model_name='sample',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('seed', ''), _negated=True), models.Q(('seed_source', ''), _negated=True)), name='sample_names_its_seed'),
        ),
        *(TrackRows("casework", model, stream) for model, stream in TRACKED.items()),
        migrations.RunSQL(LAWS, UNDO),
    ]
