from django.urls import path

from access import reach
from casework.desks.public import views

# What a notice published is for everybody, and these pages show nothing else.
for_everybody = reach.beyond()

app_name = "public"
urlpatterns = [
    path("", for_everybody(views.villages), name="villages"),
    path("<slug:code>/", for_everybody(views.board), name="board"),
    path("<slug:code>/<int:pk>/", for_everybody(views.notice), name="notice"),
    path("<slug:code>/<int:pk>/object/", for_everybody(views.objection), name="objection"),
    path("<slug:code>/<int:pk>/received/", for_everybody(views.received), name="received"),
]
