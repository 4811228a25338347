from django.urls import path

from casework.desks.flows import views

urlpatterns = [
    path("programmes/", views.programmes, name="programmes"),
    path("programmes/<slug:code>/flow/", views.flow, name="programme_flow"),
    path("programmes/<slug:code>/flow.svg", views.flow_svg, name="programme_flow_svg"),
    path("programmes/<slug:code>/flow.bpmn", views.flow_bpmn, name="programme_flow_bpmn"),
    path("cases/<int:case_id>/process.svg", views.process_svg, name="case_process_svg"),
]
