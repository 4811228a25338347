from django.urls import path

from casework.desks.audit import views

app_name = "audit"
urlpatterns = [
    path("", views.find, name="search"),
    path("cases/<int:case_id>/", views.trail, name="trail"),
    path("cases/<int:case_id>/export/", views.export, name="export"),
    path("payments/<int:payment_id>/", views.payment, name="payment"),
    path("records/<slug:kind>/<int:pk>/", views.record, name="record"),
    path("reads/", views.reads, name="reads"),
    path("checkpoints/", views.checkpoints, name="checkpoints"),
]
