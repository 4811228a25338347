from django.urls import path

from casework.desks.audit import questions

app_name = "questions"
urlpatterns = [
    path("", questions.home, name="home"),
    path("<int:question_id>/", questions.question, name="question"),
]
