from django.urls import path

from casework.desks.funds import batches, entries, imprest, overview, paying, pictures

app_name = "funds"
urlpatterns = [
    path("", overview.home, name="home"),
    path("open/", overview.open_fund, name="open"),
    path("<int:fund_id>/", overview.fund, name="fund"),
    path("<int:fund_id>/receive/", overview.receive, name="receive"),
    path("<int:fund_id>/allocate/", overview.allocate, name="allocate"),
    path("<int:fund_id>/<slug:name>/", overview.figure, name="figure"),
    path("pictures/", pictures.flow, name="flow"),
    path("pictures/pace/", pictures.pace, name="pace"),
    path("pictures/ageing/", pictures.ageing, name="ageing"),
    path("pictures/entries/", entries.entries, name="entries"),
    path("waiting/", paying.waiting, name="waiting"),
    path("waiting/build/", paying.build, name="build"),
    path("waiting/<int:case_id>/back/", paying.send_back, name="send_back"),
    path("batches/", batches.batches, name="batches"),
    path("batches/<int:batch_id>/", batches.batch, name="batch"),
    path("batches/<int:batch_id>/check/", batches.check, name="check"),
    path("batches/<int:batch_id>/release/", batches.release, name="release"),
    path("batches/<int:batch_id>/answers/", batches.answers, name="answers"),
    path("batches/<int:batch_id>/export/", batches.export, name="export"),
    path("payments/", batches.payment_list, name="payments"),
    path("payments/<int:payment_id>/unlist/", batches.unlist, name="unlist"),
    path("recovery/", paying.recoveries, name="recoveries"),
    path("recovery/<int:case_id>/", paying.recover, name="recover"),
    # money in the townships' hands
    path("imprest/", imprest.floats, name="imprest"),
    path("imprest/limit/", imprest.limit, name="imprest_limit"),
    path("imprest/limit/<int:proposal_id>/<slug:answer>/", imprest.answer_limit, name="imprest_answer"),
    path("imprest/<int:float_id>/", imprest.one, name="float"),
    path("imprest/<int:float_id>/advance/", imprest.advance, name="imprest_advance"),
    path("imprest/<int:float_id>/give-up/", imprest.give_up, name="imprest_give_up"),
    path("imprest/<int:float_id>/count/", imprest.count, name="imprest_count"),
    path("imprest/counts/<int:count_id>/explain/", imprest.explain, name="imprest_explain"),
    path("imprest/counts/<int:count_id>/review/", imprest.review, name="imprest_review"),
    path("imprest/<int:float_id>/refill/", imprest.ask_refill, name="imprest_refill"),
    path("imprest/refills/<int:refill_id>/", imprest.refill, name="refill"),
]
