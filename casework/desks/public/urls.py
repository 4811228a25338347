from django.urls import path

from casework.desks.public import views

app_name = "public"
urlpatterns = [
    path("", views.villages, name="villages"),
    path("<slug:code>/", views.board, name="board"),
    path("<slug:code>/<int:pk>/", views.notice, name="notice"),
    path("<slug:code>/<int:pk>/object/", views.objection, name="objection"),
    path("<slug:code>/<int:pk>/received/", views.received, name="received"),
]
