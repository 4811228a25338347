"""Words that registers and ledgers write, and the codes that are stored for them.

The codes are those of `families.catalogue` and `families.models`; a test keeps the two in step. The titles there follow
the language of the reader, so they cannot tell what a file says.
"""

SEX = {"男": "m", "女": "f"}
YES_NO = {"是": True, "否": False, "": False}
HEALTH = {"健康": "healthy", "慢性病": "chronic", "大病": "serious"}
CAUSES = {
    "因病": "illness",
    "因残": "disability",
    "因灾": "disaster",
    "因学": "schooling",
    "因意外事故": "accident",
    "年老独居": "elderly_alone",
    "留守儿童": "left_behind_child",
    "住房困难": "housing",
    "失业": "unemployment",
    "丧亲": "bereavement",
    "缺劳动力": "no_labour",
}
SEVERITY = {"困难": "hardship", "特困": "severe"}
ACCOUNT_KIND = {"银行卡": "card", "存折": "passbook"}
DISABILITY_CLASSES = {"视力", "听力", "言语", "肢体", "智力", "精神", "多重"}
DISABILITY_GRADES = {"一级", "二级", "三级", "四级"}
HEAD = "户主"

# Measures are kept as the ledger words them.
MEASURES = {
    "春节慰问", "走访探望", "临时救助", "教育助学", "家庭医生签约", "免费体检", "居家养老服务", "助餐服务",
    "危房修缮", "技能培训", "公益性岗位", "产业帮扶", "保险补贴", "心理疏导", "结对帮扶", "爱心物资", "农忙助耕",
    "应急呼叫手机", "就业推荐", "康复辅具",
}  # fmt: skip
