from django.urls import path

from casework.desks.village import survey, views

app_name = "village"
urlpatterns = [
    path("", views.home, name="home"),
    path("todo/", views.todo, name="todo"),
    path("waiting/", views.waiting, name="waiting"),
    path("find/", views.find, name="find"),
    path("families/<int:pk>/open/", views.open_a_case, name="open"),
    path("families/<int:pk>/account/", views.account, name="account"),
    path("families/<int:pk>/survey/", survey.begin, name="survey_begin"),
    path("families/<int:pk>/survey/check/", survey.check, name="survey_check"),
    path("families/<int:pk>/survey/discard/", survey.discard, name="survey_discard"),
    path("families/<int:pk>/survey/<slug:code>/", survey.page, name="survey"),
]
