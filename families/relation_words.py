"""What the register writes of the relation to the head, in the reader's language. What is stored stays as it was written."""

from django.utils.translation import pgettext_lazy

# The standard words alone; whatever else somebody wrote is shown as it stands.
_KNOWN = {
    "户主": pgettext_lazy("relation", "户主"),
    "配偶": pgettext_lazy("relation", "配偶"),
    "夫": pgettext_lazy("relation", "夫"),
    "妻": pgettext_lazy("relation", "妻"),
    "子": pgettext_lazy("relation", "子"),
    "女": pgettext_lazy("relation", "女"),
    "长子": pgettext_lazy("relation", "长子"),
    "长女": pgettext_lazy("relation", "长女"),
    "次子": pgettext_lazy("relation", "次子"),
    "次女": pgettext_lazy("relation", "次女"),
    "三子": pgettext_lazy("relation", "三子"),
    "三女": pgettext_lazy("relation", "三女"),
    "儿媳": pgettext_lazy("relation", "儿媳"),
    "女婿": pgettext_lazy("relation", "女婿"),
    "孙子": pgettext_lazy("relation", "孙子"),
    "孙女": pgettext_lazy("relation", "孙女"),
    "孙子女": pgettext_lazy("relation", "孙子女"),
    "外孙": pgettext_lazy("relation", "外孙"),
    "外孙女": pgettext_lazy("relation", "外孙女"),
    "父亲": pgettext_lazy("relation", "父亲"),
    "母亲": pgettext_lazy("relation", "母亲"),
    "父": pgettext_lazy("relation", "父"),
    "母": pgettext_lazy("relation", "母"),
    "岳父": pgettext_lazy("relation", "岳父"),
    "岳母": pgettext_lazy("relation", "岳母"),
    "公公": pgettext_lazy("relation", "公公"),
    "婆婆": pgettext_lazy("relation", "婆婆"),
    "祖父": pgettext_lazy("relation", "祖父"),
    "祖母": pgettext_lazy("relation", "祖母"),
    "兄": pgettext_lazy("relation", "兄"),
    "弟": pgettext_lazy("relation", "弟"),
    "姐": pgettext_lazy("relation", "姐"),
    "妹": pgettext_lazy("relation", "妹"),
    "其他": pgettext_lazy("relation", "其他"),
}


def relation_words(written: str) -> str:
    """The standard word in the reader's language; another word as it was written."""
    return str(_KNOWN.get(written, written))
