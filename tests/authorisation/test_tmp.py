import pytest
from tests.authorisation.oracle import oracle
pytestmark = pytest.mark.django_db
def test_first(matrix):
    out=open('/tmp/first.txt','w')
    for rule in oracle().rules.values():
        if rule.kind=='acts': continue
        for method in rule.methods:
            who=matrix.first_who_may(rule,method)
            try:
                c=matrix.cell(rule,who,method,quick=True)
                if '500' in c.fault: print(c.outcome.body[:500],file=out)
                if c.fault: print(c, {k:(v if not callable(v) else '<file>') for k,v in matrix.data_for(rule,method).items()} if method=='POST' else '',file=out,flush=True)
            except Exception as e:
                print('EXC',rule.url,method,type(e).__name__,e,file=out,flush=True)
    for act in oracle().acts:
        who=matrix.first_who_may(matrix.rule_of(act),'POST')
        try:
            c=matrix.act_cell(act,who,quick=True)
            if c.fault: print(c, matrix.sent[(matrix.act_path(act),'POST')],file=out,flush=True)
        except Exception as e:
            print('EXC',act,type(e).__name__,e,file=out,flush=True)
    print('END',file=out)
