"""Which encoding a text is in that is not UTF-8, told by the letters and characters that tables are full of.

Detectors made for prose err on the few words of a header: of 455 holiday names in 8 languages charset-normalizer 3.5
knew 203, chardet 7.7 427 and this module 435 (docs/log.md).
"""

from __future__ import annotations

import re

HAN_TRADITIONAL = (
    "日期時間年月分秒週星季度量值名稱編號代碼站點地區縣市鄉鎮溫濕雨風速向氣壓水位流電力負載用發能源價格開收盤最高低成交股數金額筆張漲跌差"
    "銷售庫存門商品店客戶訂單類別種型態備註說明單位總合計平均第一二三四五六七八九十百千萬億個人次比率的是在有不了和與及為以上下中大小多少"
    "出入來去前後全國台臺灣北南東西新竹桃園高雄花蓮假颱測觀資料記錄統報表項目內外進口預實際公司車路線費稅本益股證券交易所空品質指標排放"
    "案件區里村號街段樓溪河湖海山林農工業學校院醫病患年齡性別男女生死亡率出生結婚到離港航班旅遊宿住房屋地政府機關部會議局處室科組無缺"
)
HAN_SIMPLIFIED = (
    "日期时间年月分秒周星季度量值名称编号代码站点地区省县市温湿雨风速向气压水位流电力负荷用发能源价格开收盘最高低成交股数金额笔涨跌幅差"
    "销售库存门商品店客户订单类别种型态备注说明单位总合计平均第一二三四五六七八九十百千万亿个人次比率的是在有不了和与及为以上下中大小多少"
    "出入来去前后全国北南东西新京沪深广州天假节测观资料记录统报表项目内外进口预实际公司车路线费税本益证券交易所空质指标排放浓降"
    "案件区里村街段楼河湖海山林农工业学校院医病患龄性男女生死亡到离港航班旅游住房屋政府机关部会议局处室科组无缺数据结果均"
)
HAN_JAPANESE = (
    "日付時刻年月分秒週曜季度量値名称番号地点都道府県市区町村平均気温最高低降水量風速向気圧湿度照電力需要実績予測用発売上高在庫店舗商品"
    "価格始終値安出来数単位合計総第一二三四五六七八九十百千万億人次比率大小多少東京阪北南西新開閉前後全国祝休客顧備考情報質均等番積雪"
    "現象有無天候雲視程観測所統計表項目内外輸入支払金額円車路線税本社員学校病院年齢性別男女生死亡者感染陽検査対象期間累消費使用供給"
)
HANGUL = (
    "날짜일시간년월분초주요계절도량값이름명칭번호코드지점역구군동면읍리시온습기압강수풍속향전력부하사용발생에너가격종고저거래금액매출판재"
    "상품점포고객비고단위총합평균제하의는은을를로와과에서및한국서울북남동서신대소중최실적예측자료기록통계표항목내외수입인원별성남여나사망률"
    "출석휴무센데터미세먼농오존황산질소유형태코값연속회차운행노선세공개보험환병원학교관리정산물건축면적주택아파트지역위경해안"
)
THAI = "านรอกเงมยลวดทสตะิี่้ัืุูปบคหแจพชขใไโผถธณซ็ฟำภษศฐ"
HEBREW = "יולהמרתבנאשםקדחעכפטסגצזןךץף"
ARABIC = "الينمروتبةدسعفهكقحجشطصخضزثذغظءأإآىئؤپچگک"
CYRILLIC = "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъ"
GREEK = "αοιετσνηυρπκμλωδγχθφβξζψάέήίόύώς"
WESTERN = (
    "àáâãäåæçèéêëìíîïñòóôõöøùúûüÿßœÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÕÖØÙÚÛÜŒŠšŽž",
    "°µ²³¹€£¥¢–—‘’“”„…½¼¾±×÷·•§©®™‰´ºª«»¿¡¬†\xa0",
)
CENTRAL = "áâăäąćçčďđéęëěíîĺľłńňóôőöŕřśšşťţúůűüýźżžßÁÂĂÄĄĆÇČĎĐÉĘËĚÍÎŁŃŇÓÔŐÖŘŚŠŞŤŢÚŮŰÜÝŹŻŽ"
TURKISH = "âçğıîöşüûÂÇĞİÎÖŞÜÛ"
KIN = {"cp1252": WESTERN[0], "cp1254": TURKISH, "cp1250": CENTRAL}
"""Encodings that differ in few letters, and those of their languages; the first of equals is taken."""
OLD = ("mac_roman", "cp850")
_DOUBTFUL = "œŒžŽšŠ"
_ENDING = "ùìòÙÌÒ³¹¿"
"""Letters that seldom stand in Western words, and what does not stand within them."""
_NO_UNIT = tuple("abdegikoprsuvwyz")
_STRAY = re.compile(
    "(?<![\u0e01-\u0e2e\u0e31-\u0e4d])[\u0e31\u0e34-\u0e3a\u0e47-\u0e4e]|[\u0e40-\u0e44](?![\u0e01-\u0e2e])|[ךםןףץ](?=[א-ת])"
    "|(?<![\u0600-\u06ff])[\u0600-\u06ff](?![\u0600-\u06ff])|(?<![א-ת])[א-ת](?![א-ת\"'])"
)
"""What cannot be: Thai vowels and tones without a letter to stand on, Hebrew's last letters within a word, letters of
Hebrew and Arabic alone."""
KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fc]")
_QUOTES = "\u2018\u2019\u201c\u201d\u2013\u2014\u2026\xab\xbb\xa0"
_SURE = 0.9
_WIDE = "，。、：；（）「」『』％℃㎡・～－／　＊＃＋＝〜"
_HIGH = re.compile(r"[^\x00-\x7f]+")
ASIAN = {
    "cp950": frozenset(HAN_TRADITIONAL),
    "gb18030": frozenset(HAN_SIMPLIFIED),
    "cp932": frozenset(HAN_JAPANESE),
    "euc_jp": frozenset(HAN_JAPANESE),
    "cp949": frozenset(HANGUL),
}
_LEVELS = {  # lead bytes of the common characters in a standard
    "cp950": (0xA4, 0xC6, "cp950"),
    "gb18030": (0xB0, 0xD7, "gb2312"),
    "cp932": (0xB0, 0xCF, "euc_jp"),
    "euc_jp": (0xB0, 0xCF, "euc_jp"),
    "cp949": (0xB0, 0xC8, "euc_kr"),
}
OTHERS = {"cp1251": CYRILLIC, "koi8_r": CYRILLIC, "cp866": CYRILLIC, "cp1253": GREEK}
OTHERS |= {"cp874": THAI, "cp1255": HEBREW, "cp1256": ARABIC}
NAMES = {"cp950": "Big5", "gb18030": "GB18030 (GBK)", "cp932": "Shift-JIS", "euc_jp": "EUC-JP", "cp949": "EUC-KR"}
NAMES |= {"cp1252": "Windows-1252 (Latin-1)", "latin-1": "Latin-1", "cp1251": "Windows-1251", "koi8_r": "KOI8-R"}
NAMES |= {"cp866": "cp866", "cp1253": "Windows-1253"}
NAMES |= {"cp1250": "Windows-1250", "cp1254": "Windows-1254", "cp874": "Windows-874", "cp1255": "Windows-1255"}
NAMES |= {"cp1256": "Windows-1256", "mac_roman": "Mac Roman", "cp850": "cp850"}


def guess(data: bytes) -> str:
    """The encoding whose characters are most like those of a table.

    Western letters and signs are recognised by standing alone among ASCII letters or apart; characters of East Asia by
    how many of them are common ones of their language.

    Args:
        data: bytes that are not UTF-8, at best whole lines.

    >>> guess("time,temp °C".encode("latin-1")), guess("日付,売上".encode("cp932")), guess("时间,负荷".encode("gbk"))
    ('cp1252', 'cp932', 'gb18030')
    """
    high = b"\n".join(line for line in data.splitlines() if not line.isascii())[: 1 << 16]
    kin = {name: round(_western(high, name, letters), 3) for name, letters in KIN.items()}
    western = max(kin, key=lambda name: kin[name])
    west = kin[western]
    scores = {name: _asian(high, name, known) for name, known in ASIAN.items()}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] < _SURE and west <= _SURE:
        scores |= {name: _letters(high, name, letters) for name, letters in OTHERS.items()}
        best = max(scores, key=lambda name: scores[name])
    if scores[best] >= _SURE or scores[best] > max(west, 0.3):
        return best
    if west < 0.5:
        old = max(OLD, key=lambda name: _western(high, name, WESTERN[0]))
        western = old if _western(high, old, WESTERN[0]) >= _SURE else "cp1252"
    if western != "cp1252":
        return western
    return "latin-1" if _decode(high, "cp1252") is None else "cp1252"


def _decode(data: bytes, encoding: str) -> str | None:
    for cut in range(4):  # the last character may be cut in two
        try:
            return data[: len(data) - cut].decode(encoding)
        except UnicodeDecodeError as error:
            if error.start < len(data) - cut - 4:
                return None
    return None


def _western(data: bytes, encoding: str, letters: str) -> float:
    """Share of the runs of letters beyond ASCII that stand as they do in Western texts.

    Args:
        data: lines that are not ASCII. encoding: of them, perhaps. letters: of its languages.
    """
    signs = WESTERN[1]
    text = data.decode(encoding, errors="replace")
    good = every = 0.0
    for run in _HIGH.finditer(text):
        every += 1
        core = run.group().strip(_QUOTES)
        before, after = text[max(0, run.start() - 1) : run.start()], text[run.end() : run.end() + 1]
        within = after.isascii() and after.isalpha() and (before.isalpha() or len(core) > 1)
        odd = core[:1].isupper() and before.islower()
        if encoding != "cp1250" and core and ((core[-1] in _ENDING and within) or (core == "³" and before in _NO_UNIT)):
            good += 0.3
        elif all(sign in signs for sign in core):
            good += len(run.group()) <= 2
        elif len(core) <= 2 and all(sign in letters for sign in core) and not odd:
            beside = any(sign.isascii() and sign.isalpha() for sign in before + after)
            lone = len(core) == 1 and not any(sign.isalnum() for sign in before + after)
            rare = encoding == "cp1252" and any(sign in _DOUBTFUL for sign in core) and after != "u"
            good += (beside or lone) * (0.5 if rare else 1.0)
    return good / every if every else 0.0


def _asian(data: bytes, encoding: str, known: frozenset[str]) -> float:
    """Share of the characters that are common ones of a language, less those that no table holds."""
    text = _decode(data, encoding)
    if text is None:
        return -1.0
    points = count = 0.0
    for sign in "".join(_HIGH.findall(text)):
        if sign in _WIDE:
            continue
        count += 1
        if sign in known:
            points += 1
        elif encoding in ("cp932", "euc_jp") and KANA.match(sign):
            points += 0.8
        elif (level := _level(sign, encoding)) != 0:
            points += 0.45 * level
        elif "\uff61" <= sign <= "\uff9f" or "\ue000" <= sign <= "\uf8ff":  # half-width kana, private use
            points -= 0.5
    return points / count if count > 1 else -1.0


def _level(sign: str, encoding: str) -> int:
    """1 for a character of the first level of its standard, -1 for one that is rare in its language, else 0."""
    first, last, standard = _LEVELS[encoding]
    try:
        raw = sign.encode(standard)
    except UnicodeEncodeError:
        return -1
    if len(raw) != 2 or (raw[0] < 0xB0 and standard != "cp950"):
        return 0
    return 1 if first <= raw[0] <= last else -1


def _letters(data: bytes, encoding: str, letters: str) -> float:
    """Share of the letters that are common, small ones of an alphabet (or begin a word)."""
    text = _decode(data, encoding)
    if text is None:
        return -1.0
    signs = [sign for sign in text if not sign.isascii()]
    common = letters[:22] if letters is THAI else letters[:12]
    weights = {sign: 1.0 if sign in common else 0.75 if sign in letters else 0.3 for sign in letters + letters.upper()}
    points = sum(weights.get(sign, 0.0) for sign in signs) - 3 * len(_STRAY.findall(text))
    points *= 0.9 if letters is THAI else 1.0  # half of all bytes are Thai letters
    return round(points / len(signs), 3) if signs else -1.0
