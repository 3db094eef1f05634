"""Files that are not UTF-8 are read in their own encoding, and what was guessed is said."""

import pytest

from tests.data.files.support import days, text_file
from tidegate.data import read
from tidegate.data.files.encodings import NAMES, guess

HEADERS = {
    "cp1252": [
        "Temperatur °C",
        "price €",
        "année",
        "Größe",
        "PM µg/m³",
        "Producción",
        "Zürich",
        "m²",
        "John’s",
        "Menge – Soll",
    ],
    "cp950": ["溫度", "收盤價", "用電量(度)", "人口數", "颱風警報", "營業額", "車流量"],
    "gb18030": ["温度", "收盘价", "用电量", "人口", "空气质量", "营业额", "车流量"],
    "cp932": ["平均気温(℃)", "降水量の合計(mm)", "データ", "売上高", "人口", "乗客数"],
    "euc_jp": ["平均気温", "データ", "売上高"],
    "cp949": ["기온(°C)", "판매량", "전력수요", "인구", "미세먼지"],
    "cp1251": ["температура", "продажи"],
}


@pytest.mark.parametrize(("encoding", "name"), [(e, name) for e, names in HEADERS.items() for name in names])
def test_names_in_every_encoding(tmp_path, encoding, name):
    text = f"time,{name}\n" + "".join(f"{day},{i}\n" for i, day in enumerate(days(5)))
    path = text_file(tmp_path, text, encoding)
    table = read(path)
    assert table.schema.targets == (name,)
    assert [note.values["encoding"] for note in table.notes if note.kind == "encoding"] == [NAMES[encoding]]
    told = read(path, encoding=encoding)
    assert told.schema.targets == (name,)
    assert "encoding" not in {note.kind for note in told.notes}


def test_names_of_encodings_mean_their_wider_kin(tmp_path):
    for given, wider, name in (("shift_jis", "cp932", "①号機"), ("gb2312", "gb18030", "喆"), ("big5", "cp950", "碁")):
        text = f"time,{name}\n" + "".join(f"{day},{i}\n" for i, day in enumerate(days(5)))
        assert read(text_file(tmp_path, text, wider), encoding=given).schema.targets == (name,)


def test_any_bytes_have_an_encoding_that_reads_them():
    for start in range(0x80, 0x100):
        data = bytes([start, 0x41, start, 0x80, 0x0A, 0x81, 0xFF])
        assert isinstance(data.decode(guess(data), errors="strict" if guess(data) == "latin-1" else "ignore"), str)


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("cp1250", ["Wartość", "Zużycie energii", "průměr", "Teplota vzduchu [°C]", "množství"]),
        ("cp1254", ["Değer", "Satış", "Sıcaklık", "Tüketim Miktarı", "Şehir"]),
        ("cp874", ["ค่า", "วันที่", "ยอดขาย", "ปริมาณน้ำฝน", "ความต้องการไฟฟ้า"]),
        ("cp1255", ["טמפרטורה", "מכירות", "צריכת חשמל"]),
        ("cp1256", ["القيمة", "درجة الحرارة", "المبيعات"]),
        ("cp1252", ["Température", "città", "œuvre", "Værdi", "Menge (m³)", "São Paulo", "Niño", "façade"]),
        ("utf-32", ["Température", "溫度"]),
    ],
)
def test_languages_of_the_same_bytes(tmp_path, encoding, names):
    for name in names:
        text = f"time,{name}\n" + "".join(f"{day},{i}\n" for i, day in enumerate(days(5)))
        assert read(text_file(tmp_path, text, encoding)).schema.targets == (name,)
