"""Folding of names and words, so that a search finds 曾紅‧明 by 曾红明, zenghongming, zhm or cenghong.

What is stored for searching (`search_text`) and what is asked for (`search_pattern`) are folded by the same rules.
"""

from functools import lru_cache
from pathlib import Path

from pypinyin import lazy_pinyin

from families.identifiers import DOTS, HALF_WIDTH, INVISIBLE

TABLE = Path(__file__).parent / "data" / "traditional_to_simplified.tsv"
SEARCH_TEXT_LIMIT = 240  # characters; the columns that hold it are as wide

# Surnames that are read otherwise than the dictionary reads the character, the usual reading first; syllables of a
# double surname between blanks. The dictionary's own reading is indexed as well: people type what they read.
SURNAMES = {
    "万俟": "mo qi", "单于": "chan yu", "宰父": "zai fu", "尉迟": "yu chi", "澹台": "tan tai", "长孙": "zhang sun",
    "单": "shan", "仇": "qiu", "解": "xie", "区": "ou", "查": "zha", "曾": "zeng", "翟": "zhai", "盖": "ge,gai",
    "缪": "miao,miu", "朴": "piao", "冼": "xian", "洗": "xian", "繁": "po", "乐": "yue", "员": "yun", "贠": "yun",
    "折": "she", "黑": "he", "召": "shao", "种": "chong", "秘": "bi", "祭": "zhai", "覃": "qin,tan", "谌": "chen,shen",
    "郇": "xun", "郗": "xi,chi", "隗": "wei,kui", "卜": "bu", "柏": "bai,bo", "薄": "bo", "都": "du", "角": "jue",
    "车": "che,ju", "莘": "shen,xin", "阚": "kan", "牟": "mou,mu", "句": "gou", "能": "nai", "宓": "mi,fu",
    "尉": "wei,yu", "颉": "xie", "蔚": "yu", "参": "shen", "么": "yao", "佴": "nai", "乜": "nie", "炅": "gui",
    "隽": "juan,jun", "那": "na,nuo", "粘": "nian", "厦": "xia", "藏": "zang", "长": "chang,zhang", "朝": "chao,zhao",
    "降": "xiang", "强": "qiang,jiang", "费": "fei,bi", "宿": "su,xiu", "褚": "chu,zhu", "盛": "sheng,cheng",
    "吕": "lv,lu", "闾": "lv,lu",
}  # fmt: skip


def _read_table() -> dict[int, str]:
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("\t") for line in lines if not line.startswith("#"))
    return {ord(traditional): simplified for traditional, simplified in pairs}


SIMPLIFIED = _read_table()

# The five middle dots, and the full stop that a full-width dot becomes, are typed or left out at will.
FOLDED = HALF_WIDTH | SIMPLIFIED | {ord(dot): None for dot in DOTS + "."}


def to_simplified(text: str) -> str:
    """`text` with Traditional characters replaced one by one: for headings, listed words, searching; not for names."""
    return text.translate(SIMPLIFIED)


def fold(text: str) -> str:
    """`text` in Simplified characters, half width and lower case, without blanks and dots."""
    return INVISIBLE.sub("", text.translate(FOLDED)).lower()


def pinyin_keys(name: str) -> list[str]:
    """The ways to type `name` in Latin letters: initials first, then full pinyin, the usual reading of each in front.

    >>> pinyin_keys("曾明")
    ['zm', 'cm', 'zengming', 'cengming']
    """
    folded = fold(name)
    surname = folded[:2] if folded[:2] in SURNAMES else folded[:1]
    given = [_reading(character) for character in folded[len(surname) :]]
    whole = [[*reading, *given] for reading in _surname_readings(surname)]
    initials = ["".join(syllable[:1] for syllable in syllables) for syllables in whole]
    full = ["".join(syllables) for syllables in whole]
    return [key for key in dict.fromkeys(initials + full) if key]


def search_text(name: str) -> str:
    """What to store beside a name for searching: the folded name and its pinyin keys, each between blanks.

    At most SEARCH_TEXT_LIMIT characters; a very long name loses the end of its last key, whose start still finds it.
    """
    keys = [fold(name), *pinyin_keys(name)]
    return f" {' '.join(keys)} "[:SEARCH_TEXT_LIMIT] if keys[0] else ""


def search_pattern(query: str) -> str:
    r"""The LIKE pattern (escape character \) that finds `query` in a search text; empty when nothing is asked.

    Latin letters are looked for at the start of a key, Chinese characters anywhere in the name.
    """
    folded = fold(query)
    if not folded:
        return ""
    escaped = folded.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return f"% {escaped}%" if folded.isascii() else f"%{escaped}%"


def _surname_readings(surname: str) -> list[list[str]]:
    usual = [reading.split() for reading in SURNAMES.get(surname, "").split(",") if reading]
    of_dictionary = [_reading(character) for character in surname]
    return usual if of_dictionary in usual else [*usual, of_dictionary]


@lru_cache(maxsize=16384)
def _reading(character: str) -> str:
    """The dictionary's first reading without tone, ü written v; empty for what has none."""
    (reading,) = lazy_pinyin(character)
    return reading if reading.isascii() and reading.isalnum() else ""
