from django.db import migrations

# A function, because a session plans it once: planning these joins took ten times as long as running them.
POSTS = """
CREATE FUNCTION access_posts_of(wanted bigint, today date)
RETURNS TABLE (role text, unit_id bigint, level text,
               principal_id bigint, principal_person_key text, principal_name text)
LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN QUERY
  SELECT a.role::text, a.unit_id, u.level::text, NULL::bigint, NULL::text, ''
  FROM access_appointment a JOIN access_orgunit u ON u.id = a.unit_id
  WHERE a.staff_id = wanted AND a.valid_from <= today AND (a.valid_to IS NULL OR a.valid_to >= today)
    AND EXISTS (SELECT 1 FROM access_unitpermission g JOIN auth_permission p ON p.id = g.permission_id
                WHERE g.user_id = a.staff_id AND g.content_object_id = a.unit_id AND p.codename = 'hold_' || a.role)
  UNION ALL
  SELECT a.role::text, a.unit_id, u.level::text, s.id, s.person_key::text, s.name::text
  FROM access_delegation d JOIN access_appointment a ON a.id = d.appointment_id
  JOIN access_orgunit u ON u.id = a.unit_id JOIN access_staff s ON s.id = a.staff_id
  WHERE d.delegate_id = wanted AND d.valid_from <= today AND d.valid_to >= today AND s.is_active
    AND a.valid_from <= today AND (a.valid_to IS NULL OR a.valid_to >= today)
    AND EXISTS (SELECT 1 FROM access_unitpermission g JOIN auth_permission p ON p.id = g.permission_id
                WHERE g.user_id = a.staff_id AND g.content_object_id = a.unit_id AND p.codename = 'hold_' || a.role);
END $$
"""


class Migration(migrations.Migration):
    dependencies = [("access", "0002_audit")]
    operations = [migrations.RunSQL(POSTS, "DROP FUNCTION access_posts_of(bigint, date)")]
