"""The programmes of this installation. A new one is a module here and a line below."""

from flows.programmes import disaster_relief, education_grant, elderly_support, family_care, housing_aid
from flows.spec import Spec

PROGRAMMES: dict[str, Spec] = {
    spec.code: spec
    for spec in (family_care.SPEC, disaster_relief.SPEC, education_grant.SPEC, elderly_support.SPEC, housing_aid.SPEC)
}
