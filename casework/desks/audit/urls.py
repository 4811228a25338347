from django.urls import path

from casework.desks.audit import questions, rules, samples, views

app_name = "audit"
urlpatterns = [
    path("", views.find, name="search"),
    path("cases/<int:case_id>/", views.trail, name="trail"),
    path("cases/<int:case_id>/export/", views.export, name="export"),
    path("payments/<int:payment_id>/", views.payment, name="payment"),
    path("records/<slug:kind>/<int:pk>/", views.record, name="record"),
    path("reads/", views.reads, name="reads"),
    path("rules/", rules.home, name="rules"),
    path("rules/run/", rules.run, name="run_rules"),
    path("rules/jobs/<int:job_id>/", rules.job, name="rules_job"),
    path("rules/hits/<int:hit_id>/explain/", rules.explain, name="explain"),
    path("rules/hits/<int:hit_id>/ask/", questions.ask, name="ask"),
    path("rules/<slug:code>/", rules.rule, name="rule"),
    path("rules/<slug:code>/parameters/", rules.parameters, name="parameters"),
    path("samples/", samples.home, name="samples"),
    path("samples/<int:sample_id>/", samples.sample, name="sample"),
    path("checkpoints/", views.checkpoints, name="checkpoints"),
]
