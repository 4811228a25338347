"""Rules about photos and papers."""

from django.utils.translation import gettext_lazy as _

from casework.auditing.rules.rule import Param, Rule

PHOTO_TWICE = Rule(
    "photo_twice",
    _("同一张照片用了两次"),
    _("两家、两件用了一模一样的照片：可能没有真的去看。"),
    _("打开两张比一比；看拍的是哪家。"),
    _("这张照片在 %(others)s 家别的档案里也有。"),
    """
SELECT h.village_id, 'document:' || d.id, d.added_on, jsonb_build_object('others', count(DISTINCT o.household_id))
FROM families_document d JOIN families_household h ON h.id = d.household_id
  JOIN families_document o ON o.sha256 = d.sha256 AND o.household_id <> d.household_id
WHERE h.village_id = ANY (%(villages)s) AND d.content_type LIKE 'image/%%' AND d.kind NOT IN ('receipt', 'cash_receipt') GROUP BY 1, 2, 3
""",
)

# Of what was photographed; papers look alike anyhow. Two looks of 64 bits that differ in at most 3 share one of their four
# parts, by which they are found; a part that is all dark or all light says nothing.
PHOTO_ALIKE = Rule(
    "photo_alike",
    _("照片改了改又用了一次"),
    _("两家的照片几乎一样（裁过、压缩过、改过亮度）：可能没有真的去看。"),
    _("打开两张比一比；同一间屋、同一个角度的，问拍的人。"),
    _("和别家 %(others)s 张照片几乎一样。"),
    """
WITH parts AS MATERIALIZED (
  SELECT d.id, d.household_id, d.sha256, d.look, d.added_on, nth, (d.look >> (16 * nth)) & 65535 AS part
  FROM families_document d CROSS JOIN generate_series(0, 3) nth
  WHERE d.look IS NOT NULL AND d.kind = ANY (%(photos)s))
SELECT h.village_id, 'document:' || d.id, d.added_on, jsonb_build_object('others', count(DISTINCT o.id))
FROM parts d JOIN families_household h ON h.id = d.household_id
  JOIN parts o ON (o.nth, o.part) = (d.nth, d.part) AND o.household_id <> d.household_id AND o.sha256 <> d.sha256
WHERE h.village_id = ANY (%(villages)s) AND d.part NOT IN (0, 65535) AND bit_count((d.look # o.look)::bit(64)) <= %(bits)s
GROUP BY 1, 2, 3
""",
    (Param("bits", _("相差不超过"), 3, _("位")),),
    more=lambda: {"photos": ["damage_photo", "house_photo", "visit_photo", "progress_photo"]},
)
